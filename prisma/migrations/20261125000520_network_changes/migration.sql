-- Who waits for a free address of a network, and who tells hosts of its pods, hears of addresses: `objectUid` is the network's.
CREATE FUNCTION record_address() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "Change" ("xid", "seq", "kind", "objectUid", "name", "action")
  VALUES (pg_current_xact_id(), nextval('change_seq'), 'NetworkAddress', coalesce(NEW."networkId", OLD."networkId"), coalesce(NEW."podUid", OLD."podUid")::text,
    CASE TG_OP WHEN 'INSERT' THEN 'added' WHEN 'UPDATE' THEN 'modified' ELSE 'deleted' END);
  RETURN NULL;
END $$;
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "NetworkAddress" FOR EACH ROW EXECUTE FUNCTION record_address();

-- The addresses of a service are part of it.
CREATE FUNCTION touch_service() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE "Service" SET "revision" = 0 WHERE "uid" = coalesce(NEW."serviceUid", OLD."serviceUid");
  RETURN NULL;
END $$;
CREATE TRIGGER touch AFTER INSERT OR DELETE ON "ServiceAddress" FOR EACH ROW EXECUTE FUNCTION touch_service();

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
  END IF;
  RETURN NULL;
END $$;

-- A peering's coming, change and end is a change of both networks, of the other one where it has a word in it: of the same tenant, or by a peering of its own.
CREATE FUNCTION touch_peered_networks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  it "NetworkPeering" := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
BEGIN
  UPDATE "Network" n SET "revision" = 0 WHERE n."uid" IN (
    SELECT m."uid" FROM "Network" m WHERE m."uid" = it."networkId" OR (m."tenantId" = it."peerTenantId" AND m."name" = it."peerNetwork" AND (m."tenantId" = it."tenantId"
      OR EXISTS (SELECT FROM "NetworkPeering" r JOIN "Network" own ON own."uid" = it."networkId" WHERE r."networkId" = m."uid" AND r."peerTenantId" = it."tenantId" AND r."peerNetwork" = own."name")))
    ORDER BY m."uid" FOR NO KEY UPDATE);
  RETURN NULL;
END $$;
CREATE TRIGGER touch AFTER INSERT OR UPDATE OR DELETE ON "NetworkPeering" FOR EACH ROW EXECUTE FUNCTION touch_peered_networks();

-- What the endpoints controller asks: which Endpoints name this pod.
CREATE INDEX "Endpoints_subsets_idx" ON "Endpoints" USING GIN ("subsets" jsonb_path_ops);

-- The pods of a network.
CREATE INDEX "Pod_networkId_idx" ON "Pod"("networkId");
