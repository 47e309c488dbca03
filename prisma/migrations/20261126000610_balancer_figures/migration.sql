-- What passes through balancers: requests, what failed of them, and how long they took. `latency`: how many requests took up to 1, 3, 10, 30, 100, 300, 1000, 3000 ms, and longer.
ALTER TABLE "Figure" ADD COLUMN "requests" BIGINT, ADD COLUMN "errors4xx" BIGINT, ADD COLUMN "errors5xx" BIGINT, ADD COLUMN "failed" BIGINT, ADD COLUMN "activeSum" BIGINT, ADD COLUMN "latency" BIGINT[];

CREATE FUNCTION add_counts(a bigint[], b bigint[]) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN a IS NULL THEN b WHEN b IS NULL THEN a ELSE ARRAY(SELECT coalesce(x, 0) + coalesce(y, 0) FROM unnest(a, b) WITH ORDINALITY t(x, y, i) ORDER BY i) END
$$;
CREATE AGGREGATE sum_counts(bigint[]) (SFUNC = add_counts, STYPE = bigint[]);
