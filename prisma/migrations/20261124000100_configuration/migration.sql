-- What wraps values keeps its rows under a name of its own: `Secret` is the noun that users write.
ALTER TABLE "Secret" RENAME TO "WrappedSecret";
ALTER TABLE "WrappedSecret" RENAME CONSTRAINT "Secret_pkey" TO "WrappedSecret_pkey";
ALTER TABLE "WrappedSecret" RENAME CONSTRAINT "Secret_tenantId_fkey" TO "WrappedSecret_tenantId_fkey";
ALTER INDEX "Secret_tenantId_idx" RENAME TO "WrappedSecret_tenantId_idx";

CREATE TABLE "ConfigMap" (
    "uid" UUID NOT NULL,
    "tenantId" CHAR(32) NOT NULL,
    "namespace" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "labels" JSONB NOT NULL DEFAULT '{}',
    "annotations" JSONB NOT NULL DEFAULT '{}',
    "ownerReferences" JSONB NOT NULL DEFAULT '[]',
    "finalizers" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "generation" INTEGER NOT NULL DEFAULT 1,
    "revision" BIGINT NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "immutable" BOOLEAN NOT NULL DEFAULT false,
    "data" JSONB NOT NULL,
    "binaryData" JSONB NOT NULL DEFAULT '{}',
    "bytes" INTEGER NOT NULL,

    CONSTRAINT "ConfigMap_pkey" PRIMARY KEY ("uid")
);

CREATE TABLE "Secret" (
    "uid" UUID NOT NULL,
    "tenantId" CHAR(32) NOT NULL,
    "namespace" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "labels" JSONB NOT NULL DEFAULT '{}',
    "annotations" JSONB NOT NULL DEFAULT '{}',
    "ownerReferences" JSONB NOT NULL DEFAULT '[]',
    "finalizers" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "generation" INTEGER NOT NULL DEFAULT 1,
    "revision" BIGINT NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "type" TEXT NOT NULL,
    "immutable" BOOLEAN NOT NULL DEFAULT false,
    "keys" JSONB NOT NULL,
    "bytes" INTEGER NOT NULL,
    "valueId" UUID NOT NULL,

    CONSTRAINT "Secret_pkey" PRIMARY KEY ("uid")
);

CREATE TABLE "PodReference" (
    "podUid" UUID NOT NULL,
    "tenantId" CHAR(32) NOT NULL,
    "namespace" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "optional" BOOLEAN NOT NULL,

    CONSTRAINT "PodReference_pkey" PRIMARY KEY ("podUid", "kind", "name")
);

CREATE UNIQUE INDEX "ConfigMap_tenantId_namespace_name_key" ON "ConfigMap"("tenantId", "namespace", "name");
CREATE UNIQUE INDEX "Secret_tenantId_namespace_name_key" ON "Secret"("tenantId", "namespace", "name");
CREATE UNIQUE INDEX "Secret_valueId_key" ON "Secret"("valueId");
CREATE INDEX "PodReference_tenantId_namespace_kind_name_idx" ON "PodReference"("tenantId", "namespace", "kind", "name");

ALTER TABLE "ConfigMap" ADD CONSTRAINT "ConfigMap_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "Secret" ADD CONSTRAINT "Secret_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "Secret" ADD CONSTRAINT "Secret_valueId_fkey" FOREIGN KEY ("valueId") REFERENCES "WrappedSecret"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "PodReference" ADD CONSTRAINT "PodReference_podUid_fkey" FOREIGN KEY ("podUid") REFERENCES "Pod"("uid") ON DELETE CASCADE ON UPDATE CASCADE;

-- A change of either wakes the pods that name it; the feed's rows hold names and labels, no values.
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "ConfigMap" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "ConfigMap" FOR EACH ROW EXECUTE FUNCTION record_change('ConfigMap');
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "Secret" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "Secret" FOR EACH ROW EXECUTE FUNCTION record_change('Secret');
