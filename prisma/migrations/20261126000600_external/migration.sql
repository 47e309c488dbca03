-- Addresses of the outside, and balancers that answer there.
CREATE TABLE "AddressPool" (
    "uid" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "labels" JSONB NOT NULL DEFAULT '{}',
    "annotations" JSONB NOT NULL DEFAULT '{}',
    "ownerReferences" JSONB NOT NULL DEFAULT '[]',
    "finalizers" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "generation" INTEGER NOT NULL DEFAULT 1,
    "revision" BIGINT NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "spec" JSONB NOT NULL,
    "family" SMALLINT NOT NULL,
    "isDefault" BOOLEAN NOT NULL DEFAULT false,
    CONSTRAINT "AddressPool_pkey" PRIMARY KEY ("uid")
);

CREATE TABLE "FloatingAddress" (
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
    "poolId" UUID NOT NULL,
    "address" INET NOT NULL,
    "managed" BOOLEAN NOT NULL DEFAULT false,
    "podUid" UUID,
    "loadBalancerUid" UUID,
    "hostId" UUID,
    "reported" TEXT NOT NULL DEFAULT '',
    CONSTRAINT "FloatingAddress_pkey" PRIMARY KEY ("uid"),
    CONSTRAINT "FloatingAddress_one_holder" CHECK ("podUid" IS NULL OR "loadBalancerUid" IS NULL)
);

CREATE TABLE "Ingress" (
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
    CONSTRAINT "Ingress_pkey" PRIMARY KEY ("uid")
);

CREATE TABLE "LoadBalancer" (
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
    "source" TEXT NOT NULL,
    "sourceUid" UUID NOT NULL,
    "networkId" UUID NOT NULL,
    "number" SERIAL NOT NULL,
    "compiled" JSONB,
    "hostId" UUID,
    "boundAt" TIMESTAMPTZ(3),
    "leaving" BOOLEAN NOT NULL DEFAULT false,
    "report" JSONB,
    CONSTRAINT "LoadBalancer_pkey" PRIMARY KEY ("uid")
);

CREATE UNIQUE INDEX "AddressPool_name_key" ON "AddressPool"("name");
-- At most one pool a family is where an address comes from that names none.
CREATE UNIQUE INDEX "AddressPool_default_key" ON "AddressPool"("family") WHERE "isDefault";
CREATE UNIQUE INDEX "FloatingAddress_address_key" ON "FloatingAddress"("address");
CREATE UNIQUE INDEX "FloatingAddress_tenantId_name_key" ON "FloatingAddress"("tenantId", "name");
-- A pod has one address of each family on the outside.
CREATE UNIQUE INDEX "FloatingAddress_podUid_family_key" ON "FloatingAddress"("podUid", family("address"));
CREATE INDEX "FloatingAddress_poolId_idx" ON "FloatingAddress"("poolId");
CREATE INDEX "FloatingAddress_podUid_idx" ON "FloatingAddress"("podUid");
CREATE INDEX "FloatingAddress_loadBalancerUid_idx" ON "FloatingAddress"("loadBalancerUid");
CREATE INDEX "FloatingAddress_hostId_idx" ON "FloatingAddress"("hostId");
CREATE UNIQUE INDEX "Ingress_tenantId_namespace_name_key" ON "Ingress"("tenantId", "namespace", "name");
CREATE INDEX "Ingress_networkId_idx" ON "Ingress"("networkId");
CREATE UNIQUE INDEX "LoadBalancer_sourceUid_key" ON "LoadBalancer"("sourceUid");
CREATE UNIQUE INDEX "LoadBalancer_number_key" ON "LoadBalancer"("number");
CREATE UNIQUE INDEX "LoadBalancer_tenantId_namespace_source_name_key" ON "LoadBalancer"("tenantId", "namespace", "source", "name");
CREATE INDEX "LoadBalancer_networkId_idx" ON "LoadBalancer"("networkId");
CREATE INDEX "LoadBalancer_hostId_idx" ON "LoadBalancer"("hostId");

-- A balancer has an address in the network of its pods as a pod has: of the same table, so that no two have the same.
ALTER TABLE "NetworkAddress" ALTER COLUMN "podUid" DROP NOT NULL;
ALTER TABLE "NetworkAddress" ADD COLUMN "loadBalancerUid" UUID;
ALTER TABLE "NetworkAddress" ADD CONSTRAINT "NetworkAddress_one_holder" CHECK (("podUid" IS NULL) <> ("loadBalancerUid" IS NULL));
CREATE INDEX "NetworkAddress_loadBalancerUid_idx" ON "NetworkAddress"("loadBalancerUid");
CREATE UNIQUE INDEX "NetworkAddress_loadBalancerUid_family_key" ON "NetworkAddress"("loadBalancerUid", family("address"));

-- How many addresses a tenant may have; null: as many as the platform's setting says.
ALTER TABLE "Tenant" ADD COLUMN "floatingAddressQuota" INTEGER;

ALTER TABLE "FloatingAddress" ADD CONSTRAINT "FloatingAddress_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "FloatingAddress" ADD CONSTRAINT "FloatingAddress_poolId_fkey" FOREIGN KEY ("poolId") REFERENCES "AddressPool"("uid") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "FloatingAddress" ADD CONSTRAINT "FloatingAddress_podUid_fkey" FOREIGN KEY ("podUid") REFERENCES "Pod"("uid") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "FloatingAddress" ADD CONSTRAINT "FloatingAddress_loadBalancerUid_fkey" FOREIGN KEY ("loadBalancerUid") REFERENCES "LoadBalancer"("uid") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "FloatingAddress" ADD CONSTRAINT "FloatingAddress_hostId_fkey" FOREIGN KEY ("hostId") REFERENCES "Host"("id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "Ingress" ADD CONSTRAINT "Ingress_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "Ingress" ADD CONSTRAINT "Ingress_networkId_fkey" FOREIGN KEY ("networkId") REFERENCES "Network"("uid") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "LoadBalancer" ADD CONSTRAINT "LoadBalancer_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "LoadBalancer" ADD CONSTRAINT "LoadBalancer_networkId_fkey" FOREIGN KEY ("networkId") REFERENCES "Network"("uid") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "LoadBalancer" ADD CONSTRAINT "LoadBalancer_hostId_fkey" FOREIGN KEY ("hostId") REFERENCES "Host"("id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "NetworkAddress" ADD CONSTRAINT "NetworkAddress_loadBalancerUid_fkey" FOREIGN KEY ("loadBalancerUid") REFERENCES "LoadBalancer"("uid") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE OR REPLACE FUNCTION record_address() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  it "NetworkAddress" := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
BEGIN
  INSERT INTO "Change" ("xid", "seq", "kind", "objectUid", "name", "action")
  VALUES (pg_current_xact_id(), nextval('change_seq'), 'NetworkAddress', it."networkId", coalesce(it."podUid", it."loadBalancerUid")::text,
    CASE TG_OP WHEN 'INSERT' THEN 'added' WHEN 'UPDATE' THEN 'modified' ELSE 'deleted' END);
  RETURN NULL;
END $$;

CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "AddressPool" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "AddressPool" FOR EACH ROW EXECUTE FUNCTION record_change('AddressPool');
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "FloatingAddress" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "FloatingAddress" FOR EACH ROW EXECUTE FUNCTION record_change('FloatingAddress');
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "Ingress" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "Ingress" FOR EACH ROW EXECUTE FUNCTION record_change('Ingress');
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "LoadBalancer" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "LoadBalancer" FOR EACH ROW EXECUTE FUNCTION record_change('LoadBalancer');

CREATE OR REPLACE FUNCTION touch_by_condition() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  uid_ uuid := coalesce(NEW."objectUid", OLD."objectUid");
  kind_ text := coalesce(NEW."objectKind", OLD."objectKind");
BEGIN
  IF kind_ = 'Pod' THEN UPDATE "Pod" SET "revision" = 0 WHERE "uid" = uid_;
  ELSIF kind_ = 'Network' THEN UPDATE "Network" SET "revision" = 0 WHERE "uid" = uid_;
  ELSIF kind_ = 'Namespace' THEN UPDATE "Namespace" SET "revision" = 0 WHERE "uid" = uid_;
  ELSIF kind_ = 'Service' THEN UPDATE "Service" SET "revision" = 0 WHERE "uid" = uid_;
  ELSIF kind_ = 'NetworkPeering' THEN UPDATE "NetworkPeering" SET "revision" = 0 WHERE "uid" = uid_;
  ELSIF kind_ = 'AddressPool' THEN UPDATE "AddressPool" SET "revision" = 0 WHERE "uid" = uid_;
  ELSIF kind_ = 'FloatingAddress' THEN UPDATE "FloatingAddress" SET "revision" = 0 WHERE "uid" = uid_;
  ELSIF kind_ = 'Ingress' THEN UPDATE "Ingress" SET "revision" = 0 WHERE "uid" = uid_;
  ELSIF kind_ = 'LoadBalancer' THEN UPDATE "LoadBalancer" SET "revision" = 0 WHERE "uid" = uid_;
  END IF;
  RETURN NULL;
END $$;

-- Who may answer on the outside wakes the gateway of its host, the new one and the one before: `name` is the host's id.
CREATE FUNCTION record_external() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  host_ uuid;
  uid_ uuid;
BEGIN
  IF TG_OP <> 'INSERT' THEN uid_ := OLD."uid"; ELSE uid_ := NEW."uid"; END IF;
  FOR host_ IN SELECT DISTINCT h FROM unnest(ARRAY[CASE WHEN TG_OP <> 'INSERT' THEN OLD."hostId" END, CASE WHEN TG_OP <> 'DELETE' THEN NEW."hostId" END]) h WHERE h IS NOT NULL LOOP
    INSERT INTO "Change" ("xid", "seq", "kind", "objectUid", "name", "action")
    VALUES (pg_current_xact_id(), nextval('change_seq'), 'External', uid_, host_::text, 'modified');
  END LOOP;
  RETURN NULL;
END $$;
CREATE TRIGGER external AFTER INSERT OR DELETE OR UPDATE OF "hostId", "podUid", "loadBalancerUid", "address" ON "FloatingAddress" FOR EACH ROW EXECUTE FUNCTION record_external();
CREATE TRIGGER external AFTER INSERT OR DELETE OR UPDATE OF "hostId", "compiled", "leaving" ON "LoadBalancer" FOR EACH ROW EXECUTE FUNCTION record_external();
