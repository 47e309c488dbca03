-- Volumes, what they are kept in, who has them, and how they were at a moment.
CREATE TABLE "VolumeStore" (
    "uid" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "labels" JSONB NOT NULL DEFAULT '{}',
    "annotations" JSONB NOT NULL DEFAULT '{}',
    "ownerReferences" JSONB NOT NULL DEFAULT '[]',
    "finalizers" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "generation" INTEGER NOT NULL DEFAULT 1,
    "revision" BIGINT NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "spec" JSONB NOT NULL,
    "wrappedKey" TEXT,
    CONSTRAINT "VolumeStore_pkey" PRIMARY KEY ("uid")
);

CREATE TABLE "VolumeStoreHost" (
    "storeId" UUID NOT NULL,
    "hostId" UUID NOT NULL,
    "reachable" BOOLEAN NOT NULL,
    "message" TEXT NOT NULL DEFAULT '',
    "totalBytes" BIGINT,
    "freeBytes" BIGINT,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "VolumeStoreHost_pkey" PRIMARY KEY ("storeId","hostId")
);

CREATE TABLE "StorageClass" (
    "uid" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "labels" JSONB NOT NULL DEFAULT '{}',
    "annotations" JSONB NOT NULL DEFAULT '{}',
    "ownerReferences" JSONB NOT NULL DEFAULT '[]',
    "finalizers" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "generation" INTEGER NOT NULL DEFAULT 1,
    "revision" BIGINT NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "spec" JSONB NOT NULL,
    "storeId" UUID NOT NULL,
    "isDefault" BOOLEAN NOT NULL DEFAULT false,
    CONSTRAINT "StorageClass_pkey" PRIMARY KEY ("uid")
);

CREATE TABLE "Volume" (
    "uid" UUID NOT NULL,
    "tenantId" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "labels" JSONB NOT NULL DEFAULT '{}',
    "annotations" JSONB NOT NULL DEFAULT '{}',
    "ownerReferences" JSONB NOT NULL DEFAULT '[]',
    "finalizers" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "generation" INTEGER NOT NULL DEFAULT 1,
    "revision" BIGINT NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deletedAt" TIMESTAMPTZ(3),
    "purgeAt" TIMESTAMPTZ(3),
    "spec" JSONB NOT NULL,
    "classId" UUID NOT NULL,
    "storeId" UUID NOT NULL,
    "sizeBytes" BIGINT NOT NULL,
    "claimUid" UUID,
    "sourceSnapshotUid" UUID,
    "sourceUploadId" UUID,
    "revertTo" UUID,
    "hostId" UUID,
    "epoch" BIGINT NOT NULL DEFAULT 0,
    "leaving" BOOLEAN NOT NULL DEFAULT false,
    "purging" BOOLEAN NOT NULL DEFAULT false,
    "fence" JSONB,
    "homeHostId" UUID,
    "report" JSONB,
    "storedPhase" TEXT NOT NULL DEFAULT 'Absent',
    "storedBytes" BIGINT,
    "storedSizeBytes" BIGINT,
    "formatted" TEXT,
    CONSTRAINT "Volume_pkey" PRIMARY KEY ("uid")
);

CREATE TABLE "VolumeAttachment" (
    "uid" UUID NOT NULL,
    "volumeUid" UUID NOT NULL,
    "podUid" UUID NOT NULL,
    "tenantId" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "readOnly" BOOLEAN NOT NULL DEFAULT false,
    "mounts" JSONB,
    "hostId" UUID,
    "epoch" BIGINT,
    "phase" TEXT NOT NULL DEFAULT 'Waiting',
    "wanted" BOOLEAN NOT NULL DEFAULT true,
    "forced" BOOLEAN NOT NULL DEFAULT false,
    "reason" TEXT NOT NULL DEFAULT '',
    "message" TEXT NOT NULL DEFAULT '',
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "changedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "VolumeAttachment_pkey" PRIMARY KEY ("uid")
);

CREATE TABLE "VolumeClaim" (
    "uid" UUID NOT NULL,
    "tenantId" CHAR(32) NOT NULL,
    "namespace" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "labels" JSONB NOT NULL DEFAULT '{}',
    "annotations" JSONB NOT NULL DEFAULT '{}',
    "ownerReferences" JSONB NOT NULL DEFAULT '[]',
    "finalizers" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "generation" INTEGER NOT NULL DEFAULT 1,
    "revision" BIGINT NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deletedAt" TIMESTAMPTZ(3),
    "spec" JSONB NOT NULL,
    CONSTRAINT "VolumeClaim_pkey" PRIMARY KEY ("uid")
);

CREATE TABLE "VolumeSnapshot" (
    "uid" UUID NOT NULL,
    "tenantId" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "labels" JSONB NOT NULL DEFAULT '{}',
    "annotations" JSONB NOT NULL DEFAULT '{}',
    "ownerReferences" JSONB NOT NULL DEFAULT '[]',
    "finalizers" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "generation" INTEGER NOT NULL DEFAULT 1,
    "revision" BIGINT NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deletedAt" TIMESTAMPTZ(3),
    "spec" JSONB NOT NULL,
    "volumeUid" UUID,
    "storeId" UUID NOT NULL,
    "homeHostId" UUID,
    "hostId" UUID,
    "groupUid" UUID,
    "scheduleUid" UUID,
    "hidden" BOOLEAN NOT NULL DEFAULT false,
    "phase" TEXT NOT NULL DEFAULT 'Asked',
    "reason" TEXT NOT NULL DEFAULT '',
    "message" TEXT NOT NULL DEFAULT '',
    "consistency" TEXT,
    "sizeBytes" BIGINT NOT NULL,
    "storedBytes" BIGINT,
    "takenAt" TIMESTAMPTZ(3),
    "stallMs" INTEGER,
    CONSTRAINT "VolumeSnapshot_pkey" PRIMARY KEY ("uid")
);

CREATE TABLE "SnapshotSchedule" (
    "uid" UUID NOT NULL,
    "tenantId" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "labels" JSONB NOT NULL DEFAULT '{}',
    "annotations" JSONB NOT NULL DEFAULT '{}',
    "ownerReferences" JSONB NOT NULL DEFAULT '[]',
    "finalizers" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "generation" INTEGER NOT NULL DEFAULT 1,
    "revision" BIGINT NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "spec" JSONB NOT NULL,
    "lastAt" TIMESTAMPTZ(3),
    "nextAt" TIMESTAMPTZ(3),
    "lastMessage" TEXT NOT NULL DEFAULT '',
    CONSTRAINT "SnapshotSchedule_pkey" PRIMARY KEY ("uid")
);

CREATE TABLE "VolumeUpload" (
    "id" UUID NOT NULL,
    "tenantId" CHAR(32) NOT NULL,
    "format" TEXT NOT NULL,
    "bytes" BIGINT NOT NULL,
    "virtualBytes" BIGINT NOT NULL,
    "digest" TEXT NOT NULL,
    "createdBy" TEXT NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expiresAt" TIMESTAMPTZ(3) NOT NULL,
    "revision" BIGINT NOT NULL DEFAULT 0,
    CONSTRAINT "VolumeUpload_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "VolumeStore_name_key" ON "VolumeStore"("name");
CREATE INDEX "VolumeStoreHost_hostId_idx" ON "VolumeStoreHost"("hostId");
CREATE UNIQUE INDEX "StorageClass_name_key" ON "StorageClass"("name");
CREATE INDEX "StorageClass_storeId_idx" ON "StorageClass"("storeId");
CREATE UNIQUE INDEX "Volume_claimUid_key" ON "Volume"("claimUid");
CREATE INDEX "Volume_tenantId_createdAt_idx" ON "Volume"("tenantId", "createdAt");
CREATE INDEX "Volume_classId_idx" ON "Volume"("classId");
CREATE INDEX "Volume_hostId_idx" ON "Volume"("hostId");
CREATE INDEX "Volume_homeHostId_idx" ON "Volume"("homeHostId");
CREATE INDEX "Volume_storeId_idx" ON "Volume"("storeId");
CREATE INDEX "Volume_purgeAt_idx" ON "Volume"("purgeAt");
CREATE INDEX "Volume_sourceSnapshotUid_idx" ON "Volume"("sourceSnapshotUid");
CREATE INDEX "VolumeAttachment_podUid_idx" ON "VolumeAttachment"("podUid");
CREATE INDEX "VolumeAttachment_hostId_idx" ON "VolumeAttachment"("hostId");
CREATE UNIQUE INDEX "VolumeAttachment_volumeUid_podUid_key" ON "VolumeAttachment"("volumeUid", "podUid");
CREATE UNIQUE INDEX "VolumeClaim_tenantId_namespace_name_key" ON "VolumeClaim"("tenantId", "namespace", "name");
CREATE INDEX "VolumeSnapshot_volumeUid_takenAt_idx" ON "VolumeSnapshot"("volumeUid", "takenAt");
CREATE INDEX "VolumeSnapshot_groupUid_idx" ON "VolumeSnapshot"("groupUid");
CREATE INDEX "VolumeSnapshot_scheduleUid_idx" ON "VolumeSnapshot"("scheduleUid");
CREATE INDEX "VolumeSnapshot_storeId_idx" ON "VolumeSnapshot"("storeId");
CREATE INDEX "VolumeSnapshot_hostId_idx" ON "VolumeSnapshot"("hostId");
CREATE INDEX "VolumeSnapshot_homeHostId_idx" ON "VolumeSnapshot"("homeHostId");
CREATE UNIQUE INDEX "VolumeSnapshot_tenantId_name_key" ON "VolumeSnapshot"("tenantId", "name");
CREATE INDEX "SnapshotSchedule_nextAt_idx" ON "SnapshotSchedule"("nextAt");
CREATE UNIQUE INDEX "SnapshotSchedule_tenantId_name_key" ON "SnapshotSchedule"("tenantId", "name");
CREATE INDEX "VolumeUpload_tenantId_idx" ON "VolumeUpload"("tenantId");
CREATE INDEX "VolumeUpload_expiresAt_idx" ON "VolumeUpload"("expiresAt");
-- A deleted volume leaves its name free; it may have to be given another one when it is restored.
CREATE UNIQUE INDEX "Volume_tenantId_name_key" ON "Volume"("tenantId", "name") WHERE "deletedAt" IS NULL;
-- Never two writers: a wish is none yet.
CREATE UNIQUE INDEX "VolumeAttachment_one_writer" ON "VolumeAttachment"("volumeUid") WHERE NOT "readOnly" AND "phase" <> 'Waiting';
CREATE UNIQUE INDEX "StorageClass_default_key" ON "StorageClass"((true)) WHERE "isDefault";

ALTER TABLE "VolumeStoreHost" ADD CONSTRAINT "VolumeStoreHost_storeId_fkey" FOREIGN KEY ("storeId") REFERENCES "VolumeStore"("uid") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "VolumeStoreHost" ADD CONSTRAINT "VolumeStoreHost_hostId_fkey" FOREIGN KEY ("hostId") REFERENCES "Host"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "StorageClass" ADD CONSTRAINT "StorageClass_storeId_fkey" FOREIGN KEY ("storeId") REFERENCES "VolumeStore"("uid") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "Volume" ADD CONSTRAINT "Volume_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "Volume" ADD CONSTRAINT "Volume_classId_fkey" FOREIGN KEY ("classId") REFERENCES "StorageClass"("uid") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "Volume" ADD CONSTRAINT "Volume_storeId_fkey" FOREIGN KEY ("storeId") REFERENCES "VolumeStore"("uid") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "Volume" ADD CONSTRAINT "Volume_hostId_fkey" FOREIGN KEY ("hostId") REFERENCES "Host"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "Volume" ADD CONSTRAINT "Volume_homeHostId_fkey" FOREIGN KEY ("homeHostId") REFERENCES "Host"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "Volume" ADD CONSTRAINT "Volume_claimUid_fkey" FOREIGN KEY ("claimUid") REFERENCES "VolumeClaim"("uid") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "VolumeAttachment" ADD CONSTRAINT "VolumeAttachment_volumeUid_fkey" FOREIGN KEY ("volumeUid") REFERENCES "Volume"("uid") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "VolumeAttachment" ADD CONSTRAINT "VolumeAttachment_hostId_fkey" FOREIGN KEY ("hostId") REFERENCES "Host"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "VolumeClaim" ADD CONSTRAINT "VolumeClaim_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "VolumeSnapshot" ADD CONSTRAINT "VolumeSnapshot_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "VolumeSnapshot" ADD CONSTRAINT "VolumeSnapshot_volumeUid_fkey" FOREIGN KEY ("volumeUid") REFERENCES "Volume"("uid") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "VolumeSnapshot" ADD CONSTRAINT "VolumeSnapshot_storeId_fkey" FOREIGN KEY ("storeId") REFERENCES "VolumeStore"("uid") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "VolumeSnapshot" ADD CONSTRAINT "VolumeSnapshot_scheduleUid_fkey" FOREIGN KEY ("scheduleUid") REFERENCES "SnapshotSchedule"("uid") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "VolumeSnapshot" ADD CONSTRAINT "VolumeSnapshot_hostId_fkey" FOREIGN KEY ("hostId") REFERENCES "Host"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "VolumeSnapshot" ADD CONSTRAINT "VolumeSnapshot_homeHostId_fkey" FOREIGN KEY ("homeHostId") REFERENCES "Host"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "SnapshotSchedule" ADD CONSTRAINT "SnapshotSchedule_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "VolumeUpload" ADD CONSTRAINT "VolumeUpload_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "Figure" ADD COLUMN "readOperations" BIGINT, ADD COLUMN "writeOperations" BIGINT;
ALTER TABLE "Host" ADD COLUMN "lostAt" TIMESTAMPTZ(3);
ALTER TABLE "Pod" ADD COLUMN "forced" BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE "Tenant" ADD COLUMN "snapshotQuota" INTEGER, ADD COLUMN "volumeBytesQuota" BIGINT, ADD COLUMN "volumeQuota" INTEGER;

-- From the moment when a host may open a volume, its attachment says where and under which number.
ALTER TABLE "VolumeAttachment" ADD CONSTRAINT "VolumeAttachment_placed" CHECK ("phase" = 'Waiting' OR ("hostId" IS NOT NULL AND "epoch" IS NOT NULL));

-- The fencing number only grows, and with each host that may open the volume: also where none was between.
CREATE FUNCTION check_volume_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW."epoch" < OLD."epoch" OR (NEW."hostId" IS NOT NULL AND NEW."hostId" IS DISTINCT FROM OLD."hostId" AND NEW."epoch" <= OLD."epoch") THEN
    RAISE EXCEPTION 'the epoch of a volume only grows, and with each host that may open it' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER epoch BEFORE UPDATE ON "Volume" FOR EACH ROW EXECUTE FUNCTION check_volume_epoch();

CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "VolumeStore" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "VolumeStore" FOR EACH ROW EXECUTE FUNCTION record_change('VolumeStore');
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "StorageClass" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "StorageClass" FOR EACH ROW EXECUTE FUNCTION record_change('StorageClass');
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "Volume" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "Volume" FOR EACH ROW EXECUTE FUNCTION record_change('Volume');
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "VolumeClaim" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "VolumeClaim" FOR EACH ROW EXECUTE FUNCTION record_change('VolumeClaim');
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "VolumeSnapshot" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "VolumeSnapshot" FOR EACH ROW EXECUTE FUNCTION record_change('VolumeSnapshot');
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "SnapshotSchedule" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "SnapshotSchedule" FOR EACH ROW EXECUTE FUNCTION record_change('SnapshotSchedule');
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "VolumeUpload" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "VolumeUpload" FOR EACH ROW EXECUTE FUNCTION record_change('VolumeUpload');
-- That an operator gave a host up is a change of it.
DROP TRIGGER stamp ON "Host";
DROP TRIGGER feed ON "Host";
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE OF "bootId", "hello", "phase", "unschedulable", "labels", "annotations", "lostAt" ON "Host" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR DELETE OR UPDATE OF "bootId", "hello", "phase", "unschedulable", "labels", "annotations", "lostAt" ON "Host" FOR EACH ROW EXECUTE FUNCTION record_change('Host');

-- Rows beside an object: a change of them is a change of the object.
CREATE FUNCTION touch_volume() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE "Volume" SET "revision" = 0 WHERE "uid" = coalesce(NEW."volumeUid", OLD."volumeUid");
  RETURN NULL;
END $$;
CREATE TRIGGER touch AFTER INSERT OR UPDATE OR DELETE ON "VolumeAttachment" FOR EACH ROW EXECUTE FUNCTION touch_volume();
-- How full a store is changes all the time; who reaches it does not.
CREATE FUNCTION touch_volume_store() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE "VolumeStore" SET "revision" = 0 WHERE "uid" = coalesce(NEW."storeId", OLD."storeId");
  RETURN NULL;
END $$;
CREATE TRIGGER touch AFTER INSERT OR DELETE ON "VolumeStoreHost" FOR EACH ROW EXECUTE FUNCTION touch_volume_store();
CREATE TRIGGER touch_changed AFTER UPDATE ON "VolumeStoreHost" FOR EACH ROW WHEN ((OLD."reachable", OLD."message") IS DISTINCT FROM (NEW."reachable", NEW."message")) EXECUTE FUNCTION touch_volume_store();

CREATE OR REPLACE FUNCTION touch_by_condition() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  uid_ uuid := coalesce(NEW."objectUid", OLD."objectUid");
  kind_ text := coalesce(NEW."objectKind", OLD."objectKind");
BEGIN
  IF kind_ IN ('Pod', 'Network', 'Namespace', 'Service', 'NetworkPeering', 'AddressPool', 'FloatingAddress', 'Ingress', 'LoadBalancer', 'VolumeStore', 'Volume', 'VolumeClaim', 'VolumeSnapshot', 'SnapshotSchedule') THEN
    EXECUTE format('UPDATE %I SET "revision" = 0 WHERE "uid" = $1', kind_) USING uid_;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER conditions AFTER DELETE ON "VolumeStore" FOR EACH ROW EXECUTE FUNCTION remove_conditions();
CREATE TRIGGER conditions AFTER DELETE ON "Volume" FOR EACH ROW EXECUTE FUNCTION remove_conditions();
CREATE TRIGGER conditions AFTER DELETE ON "VolumeClaim" FOR EACH ROW EXECUTE FUNCTION remove_conditions();
CREATE TRIGGER conditions AFTER DELETE ON "VolumeSnapshot" FOR EACH ROW EXECUTE FUNCTION remove_conditions();
CREATE TRIGGER conditions AFTER DELETE ON "SnapshotSchedule" FOR EACH ROW EXECUTE FUNCTION remove_conditions();

-- What a host is told of volumes wakes its gateway: `name` is the host's id, `objectUid` the volume, snapshot or store. A change of what the hosts themselves said does not.
CREATE FUNCTION record_volume_host(uid_ uuid, hosts_ uuid[]) RETURNS void LANGUAGE sql AS $$
  INSERT INTO "Change" ("xid", "seq", "kind", "objectUid", "name", "action")
  SELECT pg_current_xact_id(), nextval('change_seq'), 'VolumeHost', uid_, host_::text, 'modified' FROM (SELECT DISTINCT unnest(hosts_)) AS of_(host_) WHERE host_ IS NOT NULL
$$;

-- The keeper, the one before, and those whose pods read it.
CREATE FUNCTION record_volume() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    PERFORM record_volume_host(OLD."uid", ARRAY[OLD."hostId"]);
  ELSE
    PERFORM record_volume_host(NEW."uid", ARRAY[NEW."hostId", CASE WHEN TG_OP = 'UPDATE' THEN OLD."hostId" END] || ARRAY(SELECT "hostId" FROM "VolumeAttachment" WHERE "volumeUid" = NEW."uid"));
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER volume_host AFTER INSERT OR DELETE ON "Volume" FOR EACH ROW EXECUTE FUNCTION record_volume();
CREATE TRIGGER volume_host_changed AFTER UPDATE ON "Volume" FOR EACH ROW
  WHEN ((OLD."hostId", OLD."epoch", OLD."leaving", OLD."purging", OLD."fence", OLD."spec", OLD."name", OLD."sizeBytes", OLD."classId", OLD."revertTo", OLD."sourceSnapshotUid", OLD."sourceUploadId", OLD."formatted")
    IS DISTINCT FROM (NEW."hostId", NEW."epoch", NEW."leaving", NEW."purging", NEW."fence", NEW."spec", NEW."name", NEW."sizeBytes", NEW."classId", NEW."revertTo", NEW."sourceSnapshotUid", NEW."sourceUploadId", NEW."formatted")) EXECUTE FUNCTION record_volume();

CREATE FUNCTION record_volume_attachment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM record_volume_host(coalesce(NEW."volumeUid", OLD."volumeUid"), ARRAY[OLD."hostId", NEW."hostId"]);
  RETURN NULL;
END $$;
CREATE TRIGGER volume_host AFTER INSERT OR DELETE ON "VolumeAttachment" FOR EACH ROW EXECUTE FUNCTION record_volume_attachment();
CREATE TRIGGER volume_host_changed AFTER UPDATE ON "VolumeAttachment" FOR EACH ROW
  WHEN ((OLD."hostId", OLD."epoch", OLD."phase", OLD."wanted", OLD."forced", OLD."readOnly", OLD."mounts", OLD."name") IS DISTINCT FROM (NEW."hostId", NEW."epoch", NEW."phase", NEW."wanted", NEW."forced", NEW."readOnly", NEW."mounts", NEW."name")) EXECUTE FUNCTION record_volume_attachment();

CREATE FUNCTION record_volume_snapshot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM record_volume_host(coalesce(NEW."uid", OLD."uid"), ARRAY[OLD."hostId", NEW."hostId"] || ARRAY(SELECT "hostId" FROM "Volume" WHERE "uid" IN (OLD."volumeUid", NEW."volumeUid")));
  RETURN NULL;
END $$;
CREATE TRIGGER volume_host AFTER INSERT OR DELETE ON "VolumeSnapshot" FOR EACH ROW EXECUTE FUNCTION record_volume_snapshot();
CREATE TRIGGER volume_host_changed AFTER UPDATE ON "VolumeSnapshot" FOR EACH ROW
  WHEN ((OLD."hostId", OLD."volumeUid", OLD."phase", OLD."deletedAt", OLD."groupUid", OLD."spec") IS DISTINCT FROM (NEW."hostId", NEW."volumeUid", NEW."phase", NEW."deletedAt", NEW."groupUid", NEW."spec")) EXECUTE FUNCTION record_volume_snapshot();

-- Every host looks whether it reaches a store.
CREATE FUNCTION record_volume_store() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM record_volume_host(coalesce(NEW."uid", OLD."uid"), ARRAY(SELECT "id" FROM "Host"));
  RETURN NULL;
END $$;
CREATE TRIGGER volume_host AFTER INSERT OR DELETE ON "VolumeStore" FOR EACH ROW EXECUTE FUNCTION record_volume_store();
CREATE TRIGGER volume_host_changed AFTER UPDATE ON "VolumeStore" FOR EACH ROW WHEN ((OLD."spec", OLD."name", OLD."wrappedKey") IS DISTINCT FROM (NEW."spec", NEW."name", NEW."wrappedKey")) EXECUTE FUNCTION record_volume_store();

-- What a volume does not say itself is its class's.
CREATE FUNCTION record_storage_class() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM record_volume_host(NEW."uid", ARRAY(SELECT "hostId" FROM "Volume" WHERE "classId" = NEW."uid" AND "hostId" IS NOT NULL));
  RETURN NULL;
END $$;
CREATE TRIGGER volume_host_changed AFTER UPDATE ON "StorageClass" FOR EACH ROW WHEN (OLD."spec" IS DISTINCT FROM NEW."spec") EXECUTE FUNCTION record_storage_class();
