-- What lists of pods filter and sort by, in narrow rows: specs and reports are read for the page alone. Derived by the
-- trigger below from the pod, its report and its conditions, all of which change the pod's row; nobody else writes it.
-- Its texts sort by code point, as cursors compare them.
CREATE TABLE "PodListEntry" (
    "podUid" UUID NOT NULL,
    "tenantId" CHAR(32) NOT NULL,
    "namespace" TEXT COLLATE "C" NOT NULL,
    "name" TEXT COLLATE "C" NOT NULL,
    "labels" JSONB NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL,
    "hostId" UUID,
    "state" TEXT COLLATE "C" NOT NULL,
    "hostDecides" BOOLEAN NOT NULL,
    "restarts" INTEGER NOT NULL,
    "searchText" TEXT NOT NULL,

    CONSTRAINT "PodListEntry_pkey" PRIMARY KEY ("podUid")
);
CREATE INDEX "PodListEntry_tenantId_createdAt_podUid_idx" ON "PodListEntry"("tenantId", "createdAt", "podUid");
CREATE INDEX "PodListEntry_hostId_idx" ON "PodListEntry"("hostId");
ALTER TABLE "PodListEntry" ADD CONSTRAINT "PodListEntry_podUid_fkey" FOREIGN KEY ("podUid") REFERENCES "Pod"("uid") ON DELETE CASCADE ON UPDATE CASCADE;

-- The state but for the host's silence, which is one row and is joined: no host's change writes thousands of entries.
CREATE VIEW "PodListSource" AS
SELECT p."uid" AS "podUid", p."tenantId", p."namespace", p."name", p."labels", p."createdAt", p."hostId",
  CASE
    WHEN p."deletedAt" IS NOT NULL THEN 'Stopping'
    WHEN r."phase" IN ('Succeeded', 'Failed', 'Running', 'Stopping', 'Starting') THEN r."phase"
    WHEN p."hostId" IS NOT NULL THEN 'Scheduled'
    WHEN EXISTS (SELECT 1 FROM "ObjectCondition" c WHERE c."objectUid" = p."uid" AND c."type" = 'PodScheduled' AND c."status" = 'False') THEN 'Unschedulable'
    ELSE 'Pending'
  END AS "state",
  p."deletedAt" IS NULL AND p."hostId" IS NOT NULL AND coalesce(r."phase", '') NOT IN ('Succeeded', 'Failed') AS "hostDecides",
  coalesce((SELECT sum((c ->> 'restartCount')::int) FROM jsonb_path_query(r."document", '$.containers[*]') c), 0)::int AS "restarts",
  lower(p."namespace" || '/' || p."name" || coalesce((SELECT string_agg(' ' || (c ->> 'image'), '') FROM (SELECT jsonb_path_query(p."spec", '$.initContainers[*]') UNION ALL SELECT jsonb_path_query(p."spec", '$.containers[*]')) x(c)), '')) AS "searchText"
FROM "Pod" p LEFT JOIN "PodReport" r ON r."podUid" = p."uid";

-- The row of the pod is locked by the change that fires this, so two never write one entry side by side.
CREATE FUNCTION list_pod() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "PodListEntry" AS e ("podUid", "tenantId", "namespace", "name", "labels", "createdAt", "hostId", "state", "hostDecides", "restarts", "searchText")
  SELECT "podUid", "tenantId", "namespace", "name", "labels", "createdAt", "hostId", "state", "hostDecides", "restarts", "searchText" FROM "PodListSource" WHERE "podUid" = NEW."uid"
  ON CONFLICT ("podUid") DO UPDATE SET "labels" = excluded."labels", "hostId" = excluded."hostId", "state" = excluded."state", "hostDecides" = excluded."hostDecides", "restarts" = excluded."restarts", "searchText" = excluded."searchText"
  WHERE (e."labels", e."hostId", e."state", e."hostDecides", e."restarts", e."searchText") IS DISTINCT FROM (excluded."labels", excluded."hostId", excluded."state", excluded."hostDecides", excluded."restarts", excluded."searchText");
  RETURN NULL;
END $$;
CREATE TRIGGER list AFTER INSERT OR UPDATE ON "Pod" FOR EACH ROW EXECUTE FUNCTION list_pod();

INSERT INTO "PodListEntry" ("podUid", "tenantId", "namespace", "name", "labels", "createdAt", "hostId", "state", "hostDecides", "restarts", "searchText")
SELECT "podUid", "tenantId", "namespace", "name", "labels", "createdAt", "hostId", "state", "hostDecides", "restarts", "searchText" FROM "PodListSource";

-- A pod's state as people see it, as before, now from its entry and its host.
DROP VIEW "PodState";
CREATE VIEW "PodState" AS
SELECT e."podUid" AS "uid", CASE WHEN e."hostDecides" AND h."phase" = 'Unknown' THEN 'Unknown' ELSE e."state" END AS "state"
FROM "PodListEntry" e LEFT JOIN "Host" h ON h."id" = e."hostId";
