-- How long all reads and writes of a volume took together: with their counts, the mean.
ALTER TABLE "Figure" ADD COLUMN "readMicroseconds" BIGINT, ADD COLUMN "writeMicroseconds" BIGINT;
