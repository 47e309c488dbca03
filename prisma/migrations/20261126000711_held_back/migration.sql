-- A Service that was stored when nothing answered outside of its network is not reached from there because of an upgrade: only once somebody writes it.
ALTER TABLE "Service" ADD COLUMN "heldBack" BOOLEAN NOT NULL DEFAULT false;
UPDATE "Service" s SET "heldBack" = true WHERE s."wantsOutside" AND NOT EXISTS (SELECT FROM "LoadBalancer" b WHERE b."sourceUid" = s."uid");
INSERT INTO "ObjectCondition" ("objectUid", "objectKind", "type", "status", "reason", "message", "observedGeneration")
SELECT s."uid", 'Service', 'LoadBalancer', 'False', 'HeldBack', 'It was stored before services were reached from outside of their network. Save or apply it once more, as it is, to have it reached.', s."generation" FROM "Service" s WHERE s."heldBack"
ON CONFLICT ("objectUid", "type") DO NOTHING;

CREATE FUNCTION release_held_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW."heldBack" := false;
  RETURN NEW;
END $$;
CREATE TRIGGER held_back BEFORE UPDATE OF "spec", "annotations", "labels" ON "Service" FOR EACH ROW WHEN (OLD."heldBack") EXECUTE FUNCTION release_held_back();
CREATE TRIGGER outside_released AFTER UPDATE ON "Service" FOR EACH ROW WHEN (OLD."heldBack" AND NOT NEW."heldBack") EXECUTE FUNCTION record_outside();
