-- A pod may have an address of each family; services have addresses of their own.
ALTER TABLE "NetworkAddress" ADD COLUMN "requested" BOOLEAN NOT NULL DEFAULT false;
DROP INDEX "NetworkAddress_podUid_key";
DROP INDEX "NetworkAddress_networkId_mac_key";
CREATE INDEX "NetworkAddress_podUid_idx" ON "NetworkAddress"("podUid");
CREATE UNIQUE INDEX "NetworkAddress_podUid_family_key" ON "NetworkAddress"("podUid", family("address"));
CREATE UNIQUE INDEX "NetworkAddress_networkId_mac_family_key" ON "NetworkAddress"("networkId", "mac", family("address"));

CREATE TABLE "Service" (
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
    "spec" JSONB NOT NULL,
    "networkId" UUID NOT NULL,
    CONSTRAINT "Service_pkey" PRIMARY KEY ("uid")
);

CREATE TABLE "ServiceAddress" (
    "networkId" UUID NOT NULL,
    "address" INET NOT NULL,
    "serviceUid" UUID NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "ServiceAddress_pkey" PRIMARY KEY ("networkId","address")
);

CREATE TABLE "Endpoints" (
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
    "subsets" JSONB NOT NULL DEFAULT '[]',
    "serviceUid" UUID,
    CONSTRAINT "Endpoints_pkey" PRIMARY KEY ("uid")
);

CREATE TABLE "SecurityGroup" (
    "uid" UUID NOT NULL,
    "tenantId" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "labels" JSONB NOT NULL DEFAULT '{}',
    "annotations" JSONB NOT NULL DEFAULT '{}',
    "ownerReferences" JSONB NOT NULL DEFAULT '[]',
    "finalizers" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "generation" INTEGER NOT NULL DEFAULT 1,
    "revision" BIGINT NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "spec" JSONB NOT NULL,
    "networkId" UUID NOT NULL,
    CONSTRAINT "SecurityGroup_pkey" PRIMARY KEY ("uid")
);

CREATE TABLE "NetworkPolicy" (
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
    "spec" JSONB NOT NULL,
    CONSTRAINT "NetworkPolicy_pkey" PRIMARY KEY ("uid")
);

CREATE TABLE "NetworkPeering" (
    "uid" UUID NOT NULL,
    "tenantId" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "labels" JSONB NOT NULL DEFAULT '{}',
    "annotations" JSONB NOT NULL DEFAULT '{}',
    "ownerReferences" JSONB NOT NULL DEFAULT '[]',
    "finalizers" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "generation" INTEGER NOT NULL DEFAULT 1,
    "revision" BIGINT NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "spec" JSONB NOT NULL,
    "networkId" UUID NOT NULL,
    "peerTenantId" CHAR(32) NOT NULL,
    "peerNetwork" TEXT NOT NULL,
    CONSTRAINT "NetworkPeering_pkey" PRIMARY KEY ("uid")
);

CREATE UNIQUE INDEX "Service_tenantId_namespace_name_key" ON "Service"("tenantId", "namespace", "name");
CREATE UNIQUE INDEX "Endpoints_tenantId_namespace_name_key" ON "Endpoints"("tenantId", "namespace", "name");
CREATE UNIQUE INDEX "NetworkPolicy_tenantId_namespace_name_key" ON "NetworkPolicy"("tenantId", "namespace", "name");
CREATE UNIQUE INDEX "SecurityGroup_tenantId_name_key" ON "SecurityGroup"("tenantId", "name");
CREATE UNIQUE INDEX "NetworkPeering_tenantId_name_key" ON "NetworkPeering"("tenantId", "name");
CREATE UNIQUE INDEX "Endpoints_serviceUid_key" ON "Endpoints"("serviceUid");
CREATE INDEX "Service_networkId_idx" ON "Service"("networkId");
CREATE INDEX "ServiceAddress_serviceUid_idx" ON "ServiceAddress"("serviceUid");
CREATE INDEX "SecurityGroup_networkId_idx" ON "SecurityGroup"("networkId");
CREATE INDEX "NetworkPeering_peerTenantId_peerNetwork_idx" ON "NetworkPeering"("peerTenantId", "peerNetwork");

ALTER TABLE "Service" ADD CONSTRAINT "Service_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "Endpoints" ADD CONSTRAINT "Endpoints_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "SecurityGroup" ADD CONSTRAINT "SecurityGroup_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "NetworkPolicy" ADD CONSTRAINT "NetworkPolicy_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "NetworkPeering" ADD CONSTRAINT "NetworkPeering_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "Service" ADD CONSTRAINT "Service_networkId_fkey" FOREIGN KEY ("networkId") REFERENCES "Network"("uid") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "ServiceAddress" ADD CONSTRAINT "ServiceAddress_networkId_fkey" FOREIGN KEY ("networkId") REFERENCES "Network"("uid") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "SecurityGroup" ADD CONSTRAINT "SecurityGroup_networkId_fkey" FOREIGN KEY ("networkId") REFERENCES "Network"("uid") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "NetworkPeering" ADD CONSTRAINT "NetworkPeering_networkId_fkey" FOREIGN KEY ("networkId") REFERENCES "Network"("uid") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "ServiceAddress" ADD CONSTRAINT "ServiceAddress_serviceUid_fkey" FOREIGN KEY ("serviceUid") REFERENCES "Service"("uid") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "Endpoints" ADD CONSTRAINT "Endpoints_serviceUid_fkey" FOREIGN KEY ("serviceUid") REFERENCES "Service"("uid") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "Service" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "Service" FOR EACH ROW EXECUTE FUNCTION record_change('Service');
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "Endpoints" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "Endpoints" FOR EACH ROW EXECUTE FUNCTION record_change('Endpoints');
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "SecurityGroup" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "SecurityGroup" FOR EACH ROW EXECUTE FUNCTION record_change('SecurityGroup');
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "NetworkPolicy" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "NetworkPolicy" FOR EACH ROW EXECUTE FUNCTION record_change('NetworkPolicy');
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "NetworkPeering" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "NetworkPeering" FOR EACH ROW EXECUTE FUNCTION record_change('NetworkPeering');
