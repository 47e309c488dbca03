-- What was removed for good while the host on whose disk it lies was declared lost: its row is gone, and its bytes are there until the host is readmitted, and removes them.
CREATE TABLE "LostRemoval" (
  "uid" UUID NOT NULL,
  "kind" TEXT NOT NULL,
  "tenantId" CHAR(32) NOT NULL,
  "name" TEXT NOT NULL,
  "storeId" UUID NOT NULL,
  "hostId" UUID NOT NULL,
  "epoch" BIGINT NOT NULL,
  "removedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "LostRemoval_pkey" PRIMARY KEY ("uid")
);
CREATE INDEX "LostRemoval_storeId_idx" ON "LostRemoval"("storeId");
CREATE INDEX "LostRemoval_hostId_idx" ON "LostRemoval"("hostId");
ALTER TABLE "LostRemoval" ADD CONSTRAINT "LostRemoval_storeId_fkey" FOREIGN KEY ("storeId") REFERENCES "VolumeStore"("uid") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "LostRemoval" ADD CONSTRAINT "LostRemoval_hostId_fkey" FOREIGN KEY ("hostId") REFERENCES "Host"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Under the number that comes after the last one that any host was told of the volume: one that knows a higher one removes nothing.
CREATE FUNCTION remember_lost_volume() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "LostRemoval" ("uid", "kind", "tenantId", "name", "storeId", "hostId", "epoch")
  SELECT OLD."uid", 'volume', OLD."tenantId", OLD."name", OLD."storeId", h."id", OLD."epoch" + 1 FROM "Host" h WHERE h."id" = OLD."homeHostId" AND h."lostAt" IS NOT NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER lost_removal AFTER DELETE ON "Volume" FOR EACH ROW WHEN (OLD."homeHostId" IS NOT NULL AND OLD."epoch" > 0 AND OLD."storedPhase" <> 'Purged') EXECUTE FUNCTION remember_lost_volume();

CREATE FUNCTION remember_lost_snapshot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "LostRemoval" ("uid", "kind", "tenantId", "name", "storeId", "hostId", "epoch")
  SELECT OLD."uid", 'snapshot', OLD."tenantId", OLD."name", OLD."storeId", h."id", 0 FROM "Host" h WHERE h."id" = OLD."homeHostId" AND h."lostAt" IS NOT NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER lost_removal AFTER DELETE ON "VolumeSnapshot" FOR EACH ROW WHEN (OLD."homeHostId" IS NOT NULL AND OLD."phase" IN ('Taking', 'Ready', 'Deleting')) EXECUTE FUNCTION remember_lost_snapshot();
