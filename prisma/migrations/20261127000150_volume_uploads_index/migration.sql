-- Whether a volume is being made of an upload is asked each minute of every upload; few volumes are made of one.
CREATE INDEX "Volume_sourceUploadId_idx" ON "Volume"("sourceUploadId") WHERE "sourceUploadId" IS NOT NULL;
