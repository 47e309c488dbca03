-- A list shows and searches a ConfigMap's keys without reading its values.
ALTER TABLE "ConfigMap" ADD COLUMN "keys" JSONB NOT NULL DEFAULT '{}';
