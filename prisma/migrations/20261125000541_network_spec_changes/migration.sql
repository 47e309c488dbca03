-- A network's spec is what its controller, its hosts and those of its peers go by: labels and conditions, which change its row too, wake none of them.
CREATE FUNCTION record_network_spec() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "Change" ("xid", "seq", "kind", "objectUid", "tenantId", "name", "action")
  VALUES (pg_current_xact_id(), nextval('change_seq'), 'NetworkSpec', NEW."uid", NEW."tenantId", NEW."name", 'modified');
  RETURN NULL;
END $$;
CREATE TRIGGER spec AFTER UPDATE ON "Network" FOR EACH ROW WHEN (OLD."spec" IS DISTINCT FROM NEW."spec") EXECUTE FUNCTION record_network_spec();
