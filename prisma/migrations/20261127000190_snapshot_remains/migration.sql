-- Of a snapshot that could not be taken something may lie in its store: of one whose host was not asked to the end, and of what agents of before reported. A host removes it, and the row says so until that has said that nothing is left.
ALTER TABLE "VolumeSnapshot" ADD COLUMN "remains" BOOLEAN NOT NULL DEFAULT false;
-- Of a group, that it is to be given up: true of what fails from now on alone. Groups of which one had failed before stand with what is Ready of them, and people may count on that.
ALTER TABLE "VolumeSnapshot" ADD COLUMN "endsGroup" BOOLEAN NOT NULL DEFAULT false;
-- Nobody hears of this by itself: a control plane of before this, which may run still, would give the groups up.
ALTER TABLE "VolumeSnapshot" DISABLE TRIGGER USER;
UPDATE "VolumeSnapshot" SET "remains" = true WHERE "phase" = 'Failed';
ALTER TABLE "VolumeSnapshot" ENABLE TRIGGER USER;

-- Whoever says that it failed, a server of before this too.
CREATE FUNCTION note_snapshot_remains() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW."remains" := true;
  NEW."endsGroup" := NEW."groupUid" IS NOT NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER remains BEFORE UPDATE ON "VolumeSnapshot" FOR EACH ROW WHEN (NEW."phase" = 'Failed' AND OLD."phase" <> 'Failed') EXECUTE FUNCTION note_snapshot_remains();
CREATE TRIGGER volume_host_remains AFTER UPDATE ON "VolumeSnapshot" FOR EACH ROW WHEN (OLD."remains" IS DISTINCT FROM NEW."remains") EXECUTE FUNCTION record_volume_snapshot();

-- With its volume the host that removes it holds up what else is done with that, and makes its chain shorter; null: of a volume, or not known.
ALTER TABLE "LostRemoval" ADD COLUMN "volumeUid" UUID;
CREATE OR REPLACE FUNCTION remember_lost_snapshot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "LostRemoval" ("uid", "kind", "tenantId", "name", "storeId", "hostId", "epoch", "volumeUid")
  SELECT OLD."uid", 'snapshot', OLD."tenantId", OLD."name", OLD."storeId", h."id", 0, OLD."volumeUid" FROM "Host" h WHERE h."id" = OLD."homeHostId" AND h."lostAt" IS NOT NULL;
  RETURN NULL;
END $$;
DROP TRIGGER lost_removal ON "VolumeSnapshot";
CREATE TRIGGER lost_removal AFTER DELETE ON "VolumeSnapshot" FOR EACH ROW WHEN (OLD."homeHostId" IS NOT NULL AND (OLD."phase" IN ('Taking', 'Ready', 'Deleting') OR OLD."remains")) EXECUTE FUNCTION remember_lost_snapshot();
