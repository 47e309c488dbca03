-- Which pods name a volume, from whatever namespace, is asked each time that something of the volume changes.
CREATE INDEX "PodReference_tenantId_kind_name_idx" ON "PodReference"("tenantId", "kind", "name");
