-- Everybody with a lower fencing number is shut out: what any keeper has said of that stays so, whatever the next one reports.
ALTER TABLE "Volume" ADD COLUMN "fencedBelow" BIGINT NOT NULL DEFAULT 0;

CREATE FUNCTION note_volume_fence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW."fencedBelow" := greatest(OLD."fencedBelow", NEW."fencedBelow", coalesce((NEW."report" #>> '{fenced,epoch}')::bigint, 0));
  RETURN NEW;
END $$;
CREATE TRIGGER fenced BEFORE UPDATE ON "Volume" FOR EACH ROW EXECUTE FUNCTION note_volume_fence();
