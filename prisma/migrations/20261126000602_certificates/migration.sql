-- What everybody may know of the certificate in a Secret of type kubernetes.io/tls: who decides what a balancer does has no key to open it.
ALTER TABLE "Secret" ADD COLUMN "certificate" JSONB;
