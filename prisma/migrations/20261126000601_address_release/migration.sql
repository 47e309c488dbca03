-- An address that was given back while a host answers for it is nobody else's before that host has let go.
ALTER TABLE "FloatingAddress" ADD COLUMN "deletedAt" TIMESTAMPTZ(3);
