-- Of a volume's labels those that it has of its claim, and that nobody set on the volume itself: they follow the claim's.
ALTER TABLE "Volume" ADD COLUMN "claimLabels" JSONB NOT NULL DEFAULT '{}';

-- Volumes had none of their claims' so far.
UPDATE "Volume" v SET "claimLabels" = c."labels" - ARRAY(SELECT jsonb_object_keys(v."labels")), "labels" = c."labels" || v."labels"
FROM "VolumeClaim" c WHERE c."uid" = v."claimUid" AND c."labels" <> '{}';
