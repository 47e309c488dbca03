-- What a snapshot has on it, so that what is made of a blank one can be given a file system, and a volume that goes back is known for what it was; null: not known.
ALTER TABLE "VolumeSnapshot" ADD COLUMN "content" TEXT;
ALTER TABLE "Volume" ADD COLUMN "sourceBlank" BOOLEAN NOT NULL DEFAULT false;
