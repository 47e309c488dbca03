-- Who waits for room in a store, and who looks at it, hears of each fiftieth part of it that is taken or free again; not of each byte.
CREATE FUNCTION record_volume_room() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "Change" ("xid", "seq", "kind", "objectUid", "name", "action") VALUES (pg_current_xact_id(), nextval('change_seq'), 'VolumeRoom', NEW."storeId", '', 'modified');
  RETURN NULL;
END $$;
CREATE TRIGGER room AFTER UPDATE ON "VolumeStoreHost" FOR EACH ROW
  WHEN (floor(OLD."freeBytes"::float8 / nullif(OLD."totalBytes", 0) * 50) IS DISTINCT FROM floor(NEW."freeBytes"::float8 / nullif(NEW."totalBytes", 0) * 50)) EXECUTE FUNCTION record_volume_room();
