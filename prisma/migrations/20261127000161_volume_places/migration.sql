-- What lets a pod that waits find a host, of all that changes of a volume: that it is there, lies somewhere, may be had, or is gone. How full it is, its copies and its pods change all the time.
CREATE FUNCTION record_volume_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "Change" ("xid", "seq", "kind", "objectUid", "name", "action") VALUES (pg_current_xact_id(), nextval('change_seq'), 'VolumePlace', coalesce(NEW."uid", OLD."uid"), '', 'modified');
  RETURN NULL;
END $$;
CREATE TRIGGER volume_place AFTER INSERT OR DELETE ON "Volume" FOR EACH ROW EXECUTE FUNCTION record_volume_place();
CREATE TRIGGER volume_place_changed AFTER UPDATE ON "Volume" FOR EACH ROW
  WHEN ((OLD."name", OLD."deletedAt", OLD."claimUid", OLD."homeHostId", OLD."storedPhase") IS DISTINCT FROM (NEW."name", NEW."deletedAt", NEW."claimUid", NEW."homeHostId", NEW."storedPhase")) EXECUTE FUNCTION record_volume_place();
