-- The weight that a pod's annotation asks for is a matter of the balancers before it, also where it is taken away; what else changes a pod's row is not.
CREATE FUNCTION record_pod_weight() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "Change" ("xid", "seq", "kind", "objectUid", "tenantId", "namespace", "name", "action")
  VALUES (pg_current_xact_id(), nextval('change_seq'), 'PodWeight', NEW."uid", NEW."tenantId", NEW."namespace", NEW."name", 'modified');
  RETURN NULL;
END $$;
CREATE TRIGGER weight AFTER UPDATE ON "Pod" FOR EACH ROW
  WHEN ((OLD."annotations" -> 'balancer.hypernetes.io/weight') IS DISTINCT FROM (NEW."annotations" -> 'balancer.hypernetes.io/weight')) EXECUTE FUNCTION record_pod_weight();

-- With another quota, who was refused an address may have one.
CREATE FUNCTION record_address_quota() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "Change" ("xid", "seq", "kind", "objectUid", "tenantId", "name", "action")
  VALUES (pg_current_xact_id(), nextval('change_seq'), 'Outside', NEW."id"::uuid, NEW."id", TG_TABLE_NAME, 'modified');
  RETURN NULL;
END $$;
CREATE TRIGGER outside_quota AFTER UPDATE ON "Tenant" FOR EACH ROW WHEN (OLD."floatingAddressQuota" IS DISTINCT FROM NEW."floatingAddressQuota") EXECUTE FUNCTION record_address_quota();
