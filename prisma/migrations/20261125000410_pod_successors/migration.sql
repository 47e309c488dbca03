-- What shall stand in a pod's place once it has gone: written with its deletion, and turned into a pod by the same
-- transaction that removes the old one. One that could not be made stays, with the reason, until it is discarded.
CREATE TABLE "PodSuccessor" (
    "uid" UUID NOT NULL,
    "tenantId" CHAR(32) NOT NULL,
    "namespace" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "podUid" UUID,
    "labels" JSONB NOT NULL,
    "annotations" JSONB NOT NULL,
    "spec" JSONB NOT NULL,
    "actorId" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "problem" TEXT NOT NULL DEFAULT '',

    CONSTRAINT "PodSuccessor_pkey" PRIMARY KEY ("uid")
);
CREATE UNIQUE INDEX "PodSuccessor_podUid_key" ON "PodSuccessor"("podUid");
CREATE UNIQUE INDEX "PodSuccessor_tenantId_namespace_name_key" ON "PodSuccessor"("tenantId", "namespace", "name");
ALTER TABLE "PodSuccessor" ADD CONSTRAINT "PodSuccessor_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "PodSuccessor" ADD CONSTRAINT "PodSuccessor_podUid_fkey" FOREIGN KEY ("podUid") REFERENCES "Pod"("uid") ON DELETE SET NULL ON UPDATE CASCADE;
