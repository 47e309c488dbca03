-- A condition goes with its object, whoever deletes that and whoever writes the condition meanwhile. It has no foreign
-- key, for its object may be in any of these tables.

CREATE FUNCTION remove_conditions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM "ObjectCondition" WHERE "objectUid" = OLD."uid";
  RETURN NULL;
END $$;

-- The key share waits for whoever deletes the object, and makes whoever wants to delete it wait until this condition is
-- there to be deleted (PostgreSQL manual, 13.3.2 Row-Level Locks).
CREATE FUNCTION refuse_condition_of_nothing() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  there boolean;
BEGIN
  EXECUTE format('SELECT true FROM %I WHERE "uid" = $1 FOR KEY SHARE', NEW."objectKind") INTO there USING NEW."objectUid";
  IF there IS NULL THEN DELETE FROM "ObjectCondition" WHERE "objectUid" = NEW."objectUid"; END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER conditions AFTER DELETE ON "Pod" FOR EACH ROW EXECUTE FUNCTION remove_conditions();
CREATE TRIGGER conditions AFTER DELETE ON "Network" FOR EACH ROW EXECUTE FUNCTION remove_conditions();
CREATE TRIGGER conditions AFTER DELETE ON "NetworkPeering" FOR EACH ROW EXECUTE FUNCTION remove_conditions();
CREATE TRIGGER conditions AFTER DELETE ON "Service" FOR EACH ROW EXECUTE FUNCTION remove_conditions();
CREATE TRIGGER conditions AFTER DELETE ON "Ingress" FOR EACH ROW EXECUTE FUNCTION remove_conditions();
CREATE TRIGGER conditions AFTER DELETE ON "LoadBalancer" FOR EACH ROW EXECUTE FUNCTION remove_conditions();
CREATE TRIGGER conditions AFTER DELETE ON "FloatingAddress" FOR EACH ROW EXECUTE FUNCTION remove_conditions();
CREATE TRIGGER conditions AFTER DELETE ON "AddressPool" FOR EACH ROW EXECUTE FUNCTION remove_conditions();
CREATE TRIGGER condition_of_nothing AFTER INSERT ON "ObjectCondition" FOR EACH ROW EXECUTE FUNCTION refuse_condition_of_nothing();

-- What was left behind before this migration.
DELETE FROM "ObjectCondition" c WHERE NOT EXISTS (
  SELECT 1 FROM "Pod" WHERE "uid" = c."objectUid" UNION ALL SELECT 1 FROM "Network" WHERE "uid" = c."objectUid"
  UNION ALL SELECT 1 FROM "NetworkPeering" WHERE "uid" = c."objectUid" UNION ALL SELECT 1 FROM "Service" WHERE "uid" = c."objectUid"
  UNION ALL SELECT 1 FROM "Ingress" WHERE "uid" = c."objectUid" UNION ALL SELECT 1 FROM "LoadBalancer" WHERE "uid" = c."objectUid"
  UNION ALL SELECT 1 FROM "FloatingAddress" WHERE "uid" = c."objectUid" UNION ALL SELECT 1 FROM "AddressPool" WHERE "uid" = c."objectUid"
);
