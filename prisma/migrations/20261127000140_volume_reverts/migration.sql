-- A volume that goes back to a snapshot only once another one of what it has now is there.
ALTER TABLE "Volume" ADD COLUMN "revertAfter" UUID;
CREATE TRIGGER volume_host_reverts AFTER UPDATE ON "Volume" FOR EACH ROW WHEN (OLD."revertAfter" IS DISTINCT FROM NEW."revertAfter") EXECUTE FUNCTION record_volume();
CREATE INDEX "Volume_revertTo_idx" ON "Volume"("revertTo");
CREATE INDEX "Volume_revertAfter_idx" ON "Volume"("revertAfter");

-- Once it is taken the volume may go back. Where it could not be taken, or is not there any more, the volume stays as it is: nothing of what it has is given up.
CREATE FUNCTION go_on_with_revert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW."phase" = 'Ready' THEN
    UPDATE "Volume" SET "revertAfter" = NULL WHERE "revertAfter" = NEW."uid";
  ELSIF TG_OP = 'DELETE' OR NEW."phase" = 'Failed' THEN
    WITH stays AS (UPDATE "Volume" SET "revertTo" = NULL, "revertAfter" = NULL WHERE "revertAfter" = OLD."uid" RETURNING "uid", "tenantId", "name")
    INSERT INTO "Event" ("uid", "tenantId", "objectUid", "objectKind", "objectName", "type", "reason", "message", "source")
    SELECT gen_random_uuid(), "tenantId", "uid", 'Volume', "name", 'Warning', 'RevertGivenUp',
      'The volume stays as it is: the snapshot "' || OLD."name" || '" of what it has now could not be taken. Look at that snapshot, and revert again; or revert without one.', 'snapshots'
    FROM stays;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER reverts AFTER DELETE ON "VolumeSnapshot" FOR EACH ROW EXECUTE FUNCTION go_on_with_revert();
CREATE TRIGGER reverts_changed AFTER UPDATE ON "VolumeSnapshot" FOR EACH ROW WHEN (OLD."phase" IS DISTINCT FROM NEW."phase") EXECUTE FUNCTION go_on_with_revert();
