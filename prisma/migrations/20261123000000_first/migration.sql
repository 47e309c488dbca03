-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateTable
CREATE TABLE "User" (
    "id" UUID NOT NULL,
    "email" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "passwordHash" TEXT NOT NULL,
    "operator" BOOLEAN NOT NULL DEFAULT false,
    "pending" BOOLEAN NOT NULL DEFAULT false,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "disabledAt" TIMESTAMPTZ(3),

    CONSTRAINT "User_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Session" (
    "id" UUID NOT NULL,
    "userId" UUID NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "lastSeenAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expiresAt" TIMESTAMPTZ(3) NOT NULL,
    "revokedAt" TIMESTAMPTZ(3),
    "userAgent" TEXT NOT NULL DEFAULT '',
    "address" TEXT NOT NULL DEFAULT '',

    CONSTRAINT "Session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "PasswordReset" (
    "id" UUID NOT NULL,
    "userId" UUID NOT NULL,
    "tokenHash" TEXT NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expiresAt" TIMESTAMPTZ(3) NOT NULL,
    "usedAt" TIMESTAMPTZ(3),

    CONSTRAINT "PasswordReset_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "ApiToken" (
    "id" UUID NOT NULL,
    "tenantId" CHAR(32) NOT NULL,
    "userId" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "prefix" TEXT NOT NULL,
    "tokenHash" TEXT NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expiresAt" TIMESTAMPTZ(3) NOT NULL,
    "lastUsedAt" TIMESTAMPTZ(3),
    "revokedAt" TIMESTAMPTZ(3),

    CONSTRAINT "ApiToken_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Mail" (
    "id" UUID NOT NULL,
    "recipient" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "wrappedBody" TEXT NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "sentAt" TIMESTAMPTZ(3),
    "error" TEXT NOT NULL DEFAULT '',

    CONSTRAINT "Mail_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Change" (
    "xid" xid8 NOT NULL,
    "seq" BIGINT NOT NULL,
    "kind" TEXT NOT NULL,
    "objectUid" UUID NOT NULL,
    "tenantId" TEXT,
    "namespace" TEXT,
    "name" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "oldLabels" JSONB,
    "newLabels" JSONB,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Change_pkey" PRIMARY KEY ("seq")
);

-- CreateTable
CREATE TABLE "FeedState" (
    "id" INTEGER NOT NULL,
    "epoch" TEXT NOT NULL,
    "floorXid" TEXT NOT NULL DEFAULT '0',
    "floorSeq" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "FeedState_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Lease" (
    "name" TEXT NOT NULL,
    "holder" TEXT NOT NULL,
    "term" BIGINT NOT NULL DEFAULT 0,
    "expiresAt" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "Lease_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "CompletedRequest" (
    "tenantId" CHAR(32) NOT NULL,
    "actorId" TEXT NOT NULL,
    "requestId" TEXT NOT NULL,
    "procedure" TEXT NOT NULL,
    "inputHash" TEXT NOT NULL,
    "output" JSONB NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "CompletedRequest_pkey" PRIMARY KEY ("tenantId","actorId","requestId")
);

-- CreateTable
CREATE TABLE "Event" (
    "uid" UUID NOT NULL,
    "tenantId" CHAR(32) NOT NULL,
    "objectUid" UUID NOT NULL,
    "objectKind" TEXT NOT NULL,
    "objectNamespace" TEXT,
    "objectName" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "message" TEXT NOT NULL,
    "source" TEXT NOT NULL,
    "count" INTEGER NOT NULL DEFAULT 1,
    "firstTimestamp" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "lastTimestamp" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Event_pkey" PRIMARY KEY ("uid")
);

-- CreateTable
CREATE TABLE "AuditEntry" (
    "id" BIGSERIAL NOT NULL,
    "time" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "tenantId" CHAR(32),
    "actorId" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "namespace" TEXT,
    "name" TEXT NOT NULL,
    "outcome" TEXT NOT NULL DEFAULT 'accepted',
    "requestId" TEXT,
    "address" TEXT NOT NULL DEFAULT '',

    CONSTRAINT "AuditEntry_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Host" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "publicKey" TEXT NOT NULL,
    "labels" JSONB NOT NULL DEFAULT '{}',
    "annotations" JSONB NOT NULL DEFAULT '{}',
    "ownerReferences" JSONB NOT NULL DEFAULT '[]',
    "finalizers" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "generation" INTEGER NOT NULL DEFAULT 1,
    "revision" BIGINT NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "unschedulable" BOOLEAN NOT NULL DEFAULT false,
    "bootId" UUID,
    "hello" JSONB,
    "lastHeartbeat" TIMESTAMPTZ(3),
    "phase" TEXT NOT NULL DEFAULT 'Unknown',

    CONSTRAINT "Host_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "HostImage" (
    "hostId" UUID NOT NULL,
    "reference" TEXT NOT NULL,
    "digest" TEXT,
    "sizeBytes" BIGINT,
    "phase" TEXT NOT NULL,
    "message" TEXT NOT NULL DEFAULT '',
    "bytesDone" BIGINT NOT NULL DEFAULT 0,
    "bytesTotal" BIGINT NOT NULL DEFAULT 0,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "HostImage_pkey" PRIMARY KEY ("hostId","reference")
);

-- CreateTable
CREATE TABLE "Namespace" (
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

    CONSTRAINT "Namespace_pkey" PRIMARY KEY ("uid")
);

-- CreateTable
CREATE TABLE "Network" (
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
    "number" SERIAL NOT NULL,

    CONSTRAINT "Network_pkey" PRIMARY KEY ("uid")
);

-- CreateTable
CREATE TABLE "NetworkAddress" (
    "networkId" UUID NOT NULL,
    "address" INET NOT NULL,
    "podUid" UUID NOT NULL,
    "mac" TEXT NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "NetworkAddress_pkey" PRIMARY KEY ("networkId","address")
);

-- CreateTable
CREATE TABLE "Pod" (
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
    "graceSeconds" INTEGER,
    "spec" JSONB NOT NULL,
    "networkId" UUID NOT NULL,
    "hostId" UUID,
    "boundAt" TIMESTAMPTZ(3),

    CONSTRAINT "Pod_pkey" PRIMARY KEY ("uid")
);

-- CreateTable
CREATE TABLE "PodAssignment" (
    "podUid" UUID NOT NULL,
    "hostId" UUID NOT NULL,
    "document" JSONB NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "PodAssignment_pkey" PRIMARY KEY ("podUid")
);

-- CreateTable
CREATE TABLE "PodReport" (
    "podUid" UUID NOT NULL,
    "hostId" UUID NOT NULL,
    "bootId" UUID NOT NULL,
    "sequence" INTEGER NOT NULL,
    "phase" TEXT NOT NULL,
    "document" JSONB NOT NULL,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "PodReport_pkey" PRIMARY KEY ("podUid")
);

-- CreateTable
CREATE TABLE "ObjectCondition" (
    "objectUid" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "objectKind" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "message" TEXT NOT NULL,
    "observedGeneration" INTEGER NOT NULL DEFAULT 1,
    "lastTransitionTime" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "ObjectCondition_pkey" PRIMARY KEY ("objectUid","type")
);

-- CreateTable
CREATE TABLE "Tenant" (
    "id" CHAR(32) NOT NULL,
    "slug" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Tenant_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Membership" (
    "tenantId" CHAR(32) NOT NULL,
    "userId" UUID NOT NULL,
    "role" TEXT NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Membership_pkey" PRIMARY KEY ("tenantId","userId")
);

-- CreateTable
CREATE TABLE "TenantKey" (
    "tenantId" CHAR(32) NOT NULL,
    "wrappedKey" TEXT NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "TenantKey_pkey" PRIMARY KEY ("tenantId")
);

-- CreateTable
CREATE TABLE "Secret" (
    "id" UUID NOT NULL,
    "tenantId" CHAR(32) NOT NULL,
    "purpose" TEXT NOT NULL,
    "wrappedValue" TEXT NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Secret_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "User_email_key" ON "User"("email");

-- CreateIndex
CREATE INDEX "Session_userId_idx" ON "Session"("userId");

-- CreateIndex
CREATE UNIQUE INDEX "PasswordReset_tokenHash_key" ON "PasswordReset"("tokenHash");

-- CreateIndex
CREATE INDEX "PasswordReset_userId_idx" ON "PasswordReset"("userId");

-- CreateIndex
CREATE UNIQUE INDEX "ApiToken_tokenHash_key" ON "ApiToken"("tokenHash");

-- CreateIndex
CREATE INDEX "ApiToken_tenantId_idx" ON "ApiToken"("tenantId");

-- CreateIndex
CREATE INDEX "Change_createdAt_idx" ON "Change"("createdAt");

-- CreateIndex
CREATE INDEX "CompletedRequest_createdAt_idx" ON "CompletedRequest"("createdAt");

-- CreateIndex
CREATE INDEX "Event_tenantId_lastTimestamp_idx" ON "Event"("tenantId", "lastTimestamp");

-- CreateIndex
CREATE INDEX "Event_objectUid_lastTimestamp_idx" ON "Event"("objectUid", "lastTimestamp");

-- CreateIndex
CREATE INDEX "AuditEntry_tenantId_id_idx" ON "AuditEntry"("tenantId", "id");

-- CreateIndex
CREATE UNIQUE INDEX "Host_name_key" ON "Host"("name");

-- CreateIndex
CREATE UNIQUE INDEX "Host_publicKey_key" ON "Host"("publicKey");

-- CreateIndex
CREATE UNIQUE INDEX "Namespace_tenantId_name_key" ON "Namespace"("tenantId", "name");

-- CreateIndex
CREATE UNIQUE INDEX "Network_number_key" ON "Network"("number");

-- CreateIndex
CREATE UNIQUE INDEX "Network_tenantId_name_key" ON "Network"("tenantId", "name");

-- CreateIndex
CREATE UNIQUE INDEX "NetworkAddress_podUid_key" ON "NetworkAddress"("podUid");

-- CreateIndex
CREATE UNIQUE INDEX "NetworkAddress_networkId_mac_key" ON "NetworkAddress"("networkId", "mac");

-- CreateIndex
CREATE INDEX "Pod_hostId_idx" ON "Pod"("hostId");

-- CreateIndex
CREATE INDEX "Pod_tenantId_createdAt_idx" ON "Pod"("tenantId", "createdAt");

-- CreateIndex
CREATE UNIQUE INDEX "Pod_tenantId_namespace_name_key" ON "Pod"("tenantId", "namespace", "name");

-- CreateIndex
CREATE INDEX "PodAssignment_hostId_idx" ON "PodAssignment"("hostId");

-- CreateIndex
CREATE INDEX "PodReport_hostId_idx" ON "PodReport"("hostId");

-- CreateIndex
CREATE UNIQUE INDEX "Tenant_slug_key" ON "Tenant"("slug");

-- CreateIndex
CREATE INDEX "Membership_userId_idx" ON "Membership"("userId");

-- CreateIndex
CREATE INDEX "Secret_tenantId_idx" ON "Secret"("tenantId");

-- AddForeignKey
ALTER TABLE "Session" ADD CONSTRAINT "Session_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "PasswordReset" ADD CONSTRAINT "PasswordReset_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "ApiToken" ADD CONSTRAINT "ApiToken_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "ApiToken" ADD CONSTRAINT "ApiToken_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "HostImage" ADD CONSTRAINT "HostImage_hostId_fkey" FOREIGN KEY ("hostId") REFERENCES "Host"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Namespace" ADD CONSTRAINT "Namespace_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Network" ADD CONSTRAINT "Network_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "NetworkAddress" ADD CONSTRAINT "NetworkAddress_networkId_fkey" FOREIGN KEY ("networkId") REFERENCES "Network"("uid") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "NetworkAddress" ADD CONSTRAINT "NetworkAddress_podUid_fkey" FOREIGN KEY ("podUid") REFERENCES "Pod"("uid") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Pod" ADD CONSTRAINT "Pod_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Pod" ADD CONSTRAINT "Pod_networkId_fkey" FOREIGN KEY ("networkId") REFERENCES "Network"("uid") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Pod" ADD CONSTRAINT "Pod_hostId_fkey" FOREIGN KEY ("hostId") REFERENCES "Host"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "PodAssignment" ADD CONSTRAINT "PodAssignment_podUid_fkey" FOREIGN KEY ("podUid") REFERENCES "Pod"("uid") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "PodAssignment" ADD CONSTRAINT "PodAssignment_hostId_fkey" FOREIGN KEY ("hostId") REFERENCES "Host"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "PodReport" ADD CONSTRAINT "PodReport_podUid_fkey" FOREIGN KEY ("podUid") REFERENCES "Pod"("uid") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Membership" ADD CONSTRAINT "Membership_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Membership" ADD CONSTRAINT "Membership_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "TenantKey" ADD CONSTRAINT "TenantKey_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Secret" ADD CONSTRAINT "Secret_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;


-- What Prisma's schema language does not say ---------------------------------------------------------------------

CREATE INDEX "Change_xid_seq_idx" ON "Change" ("xid", "seq");
CREATE SEQUENCE change_seq;
INSERT INTO "FeedState" ("id", "epoch") VALUES (1, substr(md5(random()::text || clock_timestamp()::text), 1, 8));

ALTER TABLE "Network" ADD CONSTRAINT network_number_range CHECK ("number" BETWEEN 1 AND 16000000);
ALTER TABLE "ApiToken" ADD CONSTRAINT token_expires CHECK ("expiresAt" > "createdAt");
CREATE UNIQUE INDEX user_email_lower ON "User" (lower("email"));

-- The change feed. A row's revision and its change's seq are one number; `xid` orders changes as they commit.
CREATE FUNCTION stamp_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW."revision" := nextval('change_seq');
  RETURN NEW;
END $$;

CREATE FUNCTION record_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  old_row jsonb := CASE WHEN TG_OP = 'INSERT' THEN NULL ELSE to_jsonb(OLD) END;
  new_row jsonb := CASE WHEN TG_OP = 'DELETE' THEN NULL ELSE to_jsonb(NEW) END;
  shown jsonb := coalesce(new_row, old_row);
BEGIN
  INSERT INTO "Change" ("xid", "seq", "kind", "objectUid", "tenantId", "namespace", "name", "action", "oldLabels", "newLabels")
  VALUES (
    pg_current_xact_id(),
    CASE WHEN TG_OP = 'DELETE' THEN nextval('change_seq') ELSE (shown ->> 'revision')::bigint END,
    TG_ARGV[0],
    coalesce(shown ->> 'uid', shown ->> 'id')::uuid,
    shown ->> 'tenantId',
    shown ->> 'namespace',
    coalesce(shown ->> 'name', ''),
    CASE TG_OP WHEN 'INSERT' THEN 'added' WHEN 'UPDATE' THEN 'modified' ELSE 'deleted' END,
    old_row -> 'labels',
    new_row -> 'labels'
  );
  RETURN NULL;
END $$;

CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "Namespace" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "Namespace" FOR EACH ROW EXECUTE FUNCTION record_change('Namespace');
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "Network" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "Network" FOR EACH ROW EXECUTE FUNCTION record_change('Network');
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "Pod" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "Pod" FOR EACH ROW EXECUTE FUNCTION record_change('Pod');
-- A heartbeat alone is no change: thousands of hosts would fill the feed with nothing.
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE OF "bootId", "hello", "phase", "unschedulable", "labels", "annotations" ON "Host" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
CREATE TRIGGER feed AFTER INSERT OR DELETE OR UPDATE OF "bootId", "hello", "phase", "unschedulable", "labels", "annotations" ON "Host" FOR EACH ROW EXECUTE FUNCTION record_change('Host');

-- Rows beside an object: a change of them is a change of the object, with a new resourceVersion.
CREATE FUNCTION touch_pod() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE "Pod" SET "revision" = 0 WHERE "uid" = coalesce(NEW."podUid", OLD."podUid");
  RETURN NULL;
END $$;
CREATE TRIGGER touch AFTER INSERT OR UPDATE ON "PodReport" FOR EACH ROW EXECUTE FUNCTION touch_pod();

CREATE FUNCTION touch_by_condition() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  uid_ uuid := coalesce(NEW."objectUid", OLD."objectUid");
  kind_ text := coalesce(NEW."objectKind", OLD."objectKind");
BEGIN
  IF kind_ = 'Pod' THEN UPDATE "Pod" SET "revision" = 0 WHERE "uid" = uid_;
  ELSIF kind_ = 'Network' THEN UPDATE "Network" SET "revision" = 0 WHERE "uid" = uid_;
  ELSIF kind_ = 'Namespace' THEN UPDATE "Namespace" SET "revision" = 0 WHERE "uid" = uid_;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER touch AFTER INSERT OR UPDATE ON "ObjectCondition" FOR EACH ROW EXECUTE FUNCTION touch_by_condition();

-- An assignment's change wakes the gateway of its host: `name` is the host's id.
CREATE FUNCTION record_assignment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "Change" ("xid", "seq", "kind", "objectUid", "name", "action")
  VALUES (pg_current_xact_id(), nextval('change_seq'), 'PodAssignment', coalesce(NEW."podUid", OLD."podUid"), coalesce(NEW."hostId", OLD."hostId")::text,
    CASE TG_OP WHEN 'INSERT' THEN 'added' WHEN 'UPDATE' THEN 'modified' ELSE 'deleted' END);
  RETURN NULL;
END $$;
CREATE TRIGGER feed AFTER INSERT OR UPDATE OR DELETE ON "PodAssignment" FOR EACH ROW EXECUTE FUNCTION record_assignment();

CREATE FUNCTION record_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "Change" ("xid", "seq", "kind", "objectUid", "tenantId", "namespace", "name", "action")
  VALUES (pg_current_xact_id(), nextval('change_seq'), 'Event', NEW."objectUid", NEW."tenantId", NEW."objectNamespace", NEW."objectName", 'added');
  RETURN NULL;
END $$;
CREATE TRIGGER feed AFTER INSERT OR UPDATE ON "Event" FOR EACH ROW EXECUTE FUNCTION record_event();

-- A session or token that is revoked closes its sockets: every process learns of it through the feed.
CREATE FUNCTION record_revocation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW."revokedAt" IS NOT NULL AND OLD."revokedAt" IS NULL THEN
    INSERT INTO "Change" ("xid", "seq", "kind", "objectUid", "name", "action")
    VALUES (pg_current_xact_id(), nextval('change_seq'), 'Revocation', NEW."id", TG_ARGV[0], 'added');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER revocation AFTER UPDATE OF "revokedAt" ON "Session" FOR EACH ROW EXECUTE FUNCTION record_revocation('session');
CREATE TRIGGER revocation AFTER UPDATE OF "revokedAt" ON "ApiToken" FOR EACH ROW EXECUTE FUNCTION record_revocation('token');

-- The audit is append-only.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit is append-only';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON "AuditEntry" FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A pod's state as people see it, decided in one place for lists, filters and pages.
CREATE VIEW "PodState" AS
SELECT p."uid",
  CASE
    WHEN p."deletedAt" IS NOT NULL THEN 'Stopping'
    WHEN r."phase" IN ('Succeeded', 'Failed') THEN r."phase"
    WHEN p."hostId" IS NOT NULL AND h."phase" = 'Unknown' THEN 'Unknown'
    WHEN r."phase" IN ('Running', 'Stopping', 'Starting') THEN r."phase"
    WHEN p."hostId" IS NOT NULL THEN 'Scheduled'
    WHEN EXISTS (SELECT 1 FROM "ObjectCondition" c WHERE c."objectUid" = p."uid" AND c."type" = 'PodScheduled' AND c."status" = 'False') THEN 'Unschedulable'
    ELSE 'Pending'
  END AS "state"
FROM "Pod" p
LEFT JOIN "PodReport" r ON r."podUid" = p."uid"
LEFT JOIN "Host" h ON h."id" = p."hostId";
