-- What hosts say of an image is said of one tenant, or of everybody where the tenant is empty: what one tenant's credentials
-- gave, or failed to give, is no other's to know. Hosts tell all again when they connect.
DELETE FROM "HostImage";
ALTER TABLE "HostImage" ADD COLUMN "tenantId" TEXT NOT NULL DEFAULT '';
ALTER TABLE "HostImage" DROP CONSTRAINT "HostImage_pkey";
ALTER TABLE "HostImage" ADD CONSTRAINT "HostImage_pkey" PRIMARY KEY ("hostId", "tenantId", "reference");
CREATE INDEX "HostImage_reference_idx" ON "HostImage"("reference");

CREATE TABLE "ImageUpload" (
    "id" UUID NOT NULL,
    "tenantId" CHAR(32) NOT NULL,
    "reference" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "bytes" BIGINT NOT NULL,
    "createdBy" TEXT NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "revision" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "ImageUpload_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "ImagePrePull" (
    "id" UUID NOT NULL,
    "tenantId" CHAR(32),
    "reference" TEXT NOT NULL,
    "namespace" TEXT,
    "pullSecrets" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "createdBy" TEXT NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expiresAt" TIMESTAMPTZ(3) NOT NULL,
    "revision" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "ImagePrePull_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "ImageUpload_tenantId_reference_key" ON "ImageUpload"("tenantId", "reference");
CREATE INDEX "ImagePrePull_tenantId_idx" ON "ImagePrePull"("tenantId");
CREATE INDEX "ImagePrePull_expiresAt_idx" ON "ImagePrePull"("expiresAt");

ALTER TABLE "ImageUpload" ADD CONSTRAINT "ImageUpload_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "ImagePrePull" ADD CONSTRAINT "ImagePrePull_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Either changes what hosts shall have: their gateways are woken.
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "ImageUpload" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "ImageUpload" FOR EACH ROW EXECUTE FUNCTION record_change('ImageUpload');
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "ImagePrePull" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "ImagePrePull" FOR EACH ROW EXECUTE FUNCTION record_change('ImagePrePull');
