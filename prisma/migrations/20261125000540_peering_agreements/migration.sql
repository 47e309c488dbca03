-- Of a peering of two tenants: the other network's subnets as they were when the peering first became active. Null until then.
ALTER TABLE "NetworkPeering" ADD COLUMN "agreedSubnets" JSONB;

-- A peering names a tenant as it was written; dashes stand for a name that was nobody's when it was last looked at.
UPDATE "NetworkPeering" p SET "peerTenantId" = repeat('-', 32)
WHERE p."spec" #>> '{peer,tenant}' !~ '^[0-9a-f]{32}$' AND NOT EXISTS (SELECT FROM "Tenant" t WHERE t."id" = p."peerTenantId");

-- Whether a network has no subnet but those that were agreed on; true where nothing has been agreed on yet.
CREATE FUNCTION subnets_agreed(agreed jsonb, spec jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT agreed IS NULL OR NOT EXISTS (SELECT FROM jsonb_each(spec -> 'subnets') s WHERE NOT agreed ? (s.value ->> 'cidr'))
$$;

-- Whether a network may be told of one of another tenant: its own peering is active, the other side has one too, and both networks are what was agreed on.
CREATE FUNCTION peer_agreed(own_uid uuid, other_uid uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (
    SELECT FROM "Network" own JOIN "Network" other ON other."uid" = other_uid
    JOIN "NetworkPeering" p ON p."networkId" = own."uid" AND p."peerTenantId" = other."tenantId" AND p."peerNetwork" = other."name"
    JOIN "ObjectCondition" c ON c."objectUid" = p."uid" AND c."type" = 'Active' AND c."status" = 'True'
    JOIN "NetworkPeering" r ON r."networkId" = other."uid" AND r."peerTenantId" = own."tenantId" AND r."peerNetwork" = own."name"
    WHERE own."uid" = own_uid AND subnets_agreed(p."agreedSubnets", other."spec") AND subnets_agreed(r."agreedSubnets", own."spec"))
$$;

-- What connects networks has changed: told to the network controller and to hosts, of the other side where it has a word in it (of the same tenant, or by a
-- peering of its own). A row of the feed alone: in a tenant's transaction no row of another tenant is held, and none of its other watchers is woken.
DROP TRIGGER touch ON "NetworkPeering";
DROP FUNCTION touch_peered_networks();
CREATE FUNCTION record_peers(it "NetworkPeering") RETURNS void LANGUAGE sql AS $$
  INSERT INTO "Change" ("xid", "seq", "kind", "objectUid", "tenantId", "name", "action")
  SELECT pg_current_xact_id(), nextval('change_seq'), 'NetworkPeers', m."uid", m."tenantId", m."name", 'modified' FROM "Network" m
  WHERE m."uid" = it."networkId" OR (m."tenantId" = it."peerTenantId" AND m."name" = it."peerNetwork" AND (m."tenantId" = it."tenantId"
    OR EXISTS (SELECT FROM "NetworkPeering" r JOIN "Network" own ON own."uid" = it."networkId" WHERE r."networkId" = m."uid" AND r."peerTenantId" = it."tenantId" AND r."peerNetwork" = own."name")))
$$;
CREATE FUNCTION record_peering_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN PERFORM record_peers(OLD); END IF;
  IF TG_OP <> 'DELETE' THEN PERFORM record_peers(NEW); END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER peers AFTER INSERT OR DELETE ON "NetworkPeering" FOR EACH ROW EXECUTE FUNCTION record_peering_change();
-- Labels are no matter of the other side.
CREATE TRIGGER peers_changed AFTER UPDATE ON "NetworkPeering" FOR EACH ROW
WHEN ((OLD."networkId", OLD."peerTenantId", OLD."peerNetwork", OLD."agreedSubnets") IS DISTINCT FROM (NEW."networkId", NEW."peerTenantId", NEW."peerNetwork", NEW."agreedSubnets")) EXECUTE FUNCTION record_peering_change();

CREATE FUNCTION record_peering_condition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' OR OLD."status" IS DISTINCT FROM NEW."status" THEN PERFORM record_peers(p) FROM "NetworkPeering" p WHERE p."uid" = NEW."objectUid"; END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER peers AFTER INSERT OR UPDATE ON "ObjectCondition" FOR EACH ROW WHEN (NEW."objectKind" = 'NetworkPeering' AND NEW."type" = 'Active') EXECUTE FUNCTION record_peering_condition();
