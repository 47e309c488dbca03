-- What pods and hosts use, at falling resolution, and how each start went.
CREATE TABLE "FigureSeries" (
    "id" SERIAL NOT NULL,
    "objectUid" UUID NOT NULL,
    "container" TEXT NOT NULL DEFAULT '',
    "tenantId" CHAR(32),
    "namespace" TEXT NOT NULL DEFAULT '',
    "name" TEXT NOT NULL,
    "hostId" UUID NOT NULL,
    "firstAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "FigureSeries_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "FigureSeries_objectUid_container_key" ON "FigureSeries"("objectUid", "container");
CREATE INDEX "FigureSeries_tenantId_namespace_name_idx" ON "FigureSeries"("tenantId", "namespace", "name");

CREATE TABLE "Figure" (
    "seriesId" INTEGER NOT NULL,
    "resolution" SMALLINT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "coveredMs" BIGINT NOT NULL,
    "samples" INTEGER NOT NULL,
    "cpuMicroseconds" BIGINT,
    "cpuPeakMilli" INTEGER,
    "memorySum" BIGINT,
    "memorySamples" INTEGER NOT NULL,
    "memoryMax" BIGINT,
    "readBytes" BIGINT,
    "writtenBytes" BIGINT,
    "receivedBytes" BIGINT,
    "sentBytes" BIGINT,
    "diskUsedMax" BIGINT,

    CONSTRAINT "Figure_pkey" PRIMARY KEY ("seriesId", "resolution", "at")
) PARTITION BY LIST ("resolution");
CREATE INDEX "Figure_at_idx" ON "Figure"("at");
-- Rows come and go at the pace of the pods: vacuum soon, so that space is used again and the newest are read from few pages.
CREATE TABLE "Figure_raw" PARTITION OF "Figure" FOR VALUES IN (10) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
CREATE TABLE "Figure_minute" PARTITION OF "Figure" FOR VALUES IN (60) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE TABLE "Figure_ten_minutes" PARTITION OF "Figure" FOR VALUES IN (600);
CREATE TABLE "Figure_hour" PARTITION OF "Figure" FOR VALUES IN (3600);

CREATE TABLE "FigureRollup" (
    "resolution" SMALLINT NOT NULL,
    "rolledTo" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "FigureRollup_pkey" PRIMARY KEY ("resolution")
);

CREATE TABLE "PodStart" (
    "id" BIGSERIAL NOT NULL,
    "podUid" UUID NOT NULL,
    "tenantId" CHAR(32) NOT NULL,
    "namespace" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "image" TEXT NOT NULL,
    "hostId" UUID NOT NULL,
    "mode" TEXT NOT NULL,
    "accelerator" TEXT NOT NULL,
    "first" BOOLEAN NOT NULL,
    "beganAt" TIMESTAMPTZ(3) NOT NULL,
    "startedAt" TIMESTAMPTZ(3) NOT NULL,
    "wholeMs" INTEGER NOT NULL,
    "parts" JSONB NOT NULL,
    "spans" JSONB NOT NULL,
    "steps" JSONB NOT NULL,
    "shiftMs" INTEGER NOT NULL,

    CONSTRAINT "PodStart_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "PodStart_podUid_startedAt_key" ON "PodStart"("podUid", "startedAt");
CREATE INDEX "PodStart_tenantId_startedAt_idx" ON "PodStart"("tenantId", "startedAt");
CREATE INDEX "PodStart_startedAt_idx" ON "PodStart"("startedAt");
