-- What passes through services: a series a host, for the pods of a network lie on several.
ALTER TABLE "FigureSeries" ADD COLUMN "kind" TEXT NOT NULL DEFAULT 'Pod';
UPDATE "FigureSeries" SET "kind" = 'Host' WHERE "tenantId" IS NULL;
DROP INDEX "FigureSeries_objectUid_container_key";
CREATE UNIQUE INDEX "FigureSeries_objectUid_container_hostId_key" ON "FigureSeries"("objectUid", "container", "hostId");
ALTER TABLE "Figure" ADD COLUMN "connections" BIGINT;
