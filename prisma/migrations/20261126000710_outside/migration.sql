-- What the external controller goes by is known without reading what tenants write, and told apart from what else changes
-- their rows: conditions, labels, reports.

-- Annotations of balancers: others are no matter of them, and may be of any size.
CREATE FUNCTION balancer_annotations(all_ jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(jsonb_object_agg(key, value), '{}'::jsonb) FROM jsonb_each(all_) WHERE starts_with(key, 'balancer.hypernetes.io/')
$$;

-- A digest finds out what changed; two texts of one tenant with the same digest would deceive that tenant alone.
ALTER TABLE "Service"
  ADD COLUMN "digest" TEXT GENERATED ALWAYS AS (md5("spec"::text || balancer_annotations("annotations")::text)) STORED,
  ADD COLUMN "wantsOutside" BOOLEAN GENERATED ALWAYS AS (coalesce("spec" ->> 'type' <> 'ExternalName'
    AND ("spec" ->> 'type' IN ('LoadBalancer', 'NetworkProvider') OR CASE WHEN jsonb_typeof("spec" -> 'externalIPs') = 'array' THEN jsonb_array_length("spec" -> 'externalIPs') > 0 ELSE false END), false)) STORED;
ALTER TABLE "Ingress" ADD COLUMN "digest" TEXT GENERATED ALWAYS AS (md5("spec"::text || balancer_annotations("annotations")::text)) STORED;
CREATE INDEX "Service_wantsOutside_idx" ON "Service"("tenantId") WHERE "wantsOutside";
-- Of `compiled`, as the controller wrote it.
ALTER TABLE "LoadBalancer" ADD COLUMN "compiledDigest" TEXT;

CREATE FUNCTION record_outside() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  it record;
BEGIN
  IF TG_OP = 'DELETE' THEN it := OLD; ELSE it := NEW; END IF;
  INSERT INTO "Change" ("xid", "seq", "kind", "objectUid", "tenantId", "name", "action")
  VALUES (pg_current_xact_id(), nextval('change_seq'), 'Outside', it."uid", it."tenantId", TG_TABLE_NAME, CASE TG_OP WHEN 'INSERT' THEN 'added' WHEN 'UPDATE' THEN 'modified' ELSE 'deleted' END);
  RETURN NULL;
END $$;

CREATE TRIGGER outside AFTER INSERT OR DELETE ON "Service" FOR EACH ROW EXECUTE FUNCTION record_outside();
CREATE TRIGGER outside_changed AFTER UPDATE ON "Service" FOR EACH ROW WHEN ((OLD."digest", OLD."networkId") IS DISTINCT FROM (NEW."digest", NEW."networkId")) EXECUTE FUNCTION record_outside();
CREATE TRIGGER outside AFTER INSERT OR DELETE ON "Ingress" FOR EACH ROW EXECUTE FUNCTION record_outside();
CREATE TRIGGER outside_changed AFTER UPDATE ON "Ingress" FOR EACH ROW WHEN ((OLD."digest", OLD."networkId") IS DISTINCT FROM (NEW."digest", NEW."networkId")) EXECUTE FUNCTION record_outside();
CREATE TRIGGER outside AFTER INSERT OR DELETE ON "FloatingAddress" FOR EACH ROW EXECUTE FUNCTION record_outside();
CREATE TRIGGER outside_changed AFTER UPDATE ON "FloatingAddress" FOR EACH ROW
  WHEN ((OLD."spec", OLD."podUid", OLD."loadBalancerUid", OLD."hostId", OLD."deletedAt") IS DISTINCT FROM (NEW."spec", NEW."podUid", NEW."loadBalancerUid", NEW."hostId", NEW."deletedAt")) EXECUTE FUNCTION record_outside();
CREATE TRIGGER outside AFTER INSERT OR DELETE ON "LoadBalancer" FOR EACH ROW EXECUTE FUNCTION record_outside();
-- Of what a host says, not which of the servers are down: a tenant's pods change that at will.
CREATE TRIGGER outside_changed AFTER UPDATE ON "LoadBalancer" FOR EACH ROW
  WHEN ((OLD."hostId", OLD."leaving", OLD."report" ->> 'phase', OLD."report" ->> 'reason', OLD."report" ->> 'message') IS DISTINCT FROM (NEW."hostId", NEW."leaving", NEW."report" ->> 'phase', NEW."report" ->> 'reason', NEW."report" ->> 'message')) EXECUTE FUNCTION record_outside();

-- With the tenant, so that all of its pods are one matter.
CREATE OR REPLACE FUNCTION record_assignment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "Change" ("xid", "seq", "kind", "objectUid", "tenantId", "name", "action")
  VALUES (pg_current_xact_id(), nextval('change_seq'), 'PodAssignment', coalesce(NEW."podUid", OLD."podUid"), (SELECT "tenantId" FROM "Pod" WHERE "uid" = coalesce(NEW."podUid", OLD."podUid")), coalesce(NEW."hostId", OLD."hostId")::text,
    CASE TG_OP WHEN 'INSERT' THEN 'added' WHEN 'UPDATE' THEN 'modified' ELSE 'deleted' END);
  RETURN NULL;
END $$;

-- Which rows the gateway of a host reads again: an address is said with its balancer, the one before and the one now.
CREATE OR REPLACE FUNCTION record_external() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  hosts uuid[] := '{}';
  uids uuid[] := '{}';
BEGIN
  IF TG_OP <> 'INSERT' THEN
    hosts := hosts || OLD."hostId";
    uids := uids || OLD."uid";
    IF TG_TABLE_NAME = 'FloatingAddress' THEN uids := uids || OLD."loadBalancerUid"; END IF;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    hosts := hosts || NEW."hostId";
    uids := uids || NEW."uid";
    IF TG_TABLE_NAME = 'FloatingAddress' THEN uids := uids || NEW."loadBalancerUid"; END IF;
  END IF;
  INSERT INTO "Change" ("xid", "seq", "kind", "objectUid", "name", "action")
  SELECT pg_current_xact_id(), nextval('change_seq'), 'External', one.u, one.h::text, 'modified'
  FROM (SELECT DISTINCT u, h FROM unnest(uids) u, unnest(hosts) h WHERE u IS NOT NULL AND h IS NOT NULL) one;
  RETURN NULL;
END $$;
