-- What lists tell of a balancer stands beside what it does, which may be large and is not read for them.

-- Its ports, and where a browser finds it (domain/load-balancer/urls.ts): of each host of a listener the one rule that tells, the first for all paths,
-- else the first; of at most 50.
CREATE FUNCTION balancer_ports(compiled jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  WITH listener AS (SELECT l.value, l.ordinality AS at FROM jsonb_array_elements(compiled -> 'model' -> 'listeners') WITH ORDINALITY l),
  telling AS (
    SELECT DISTINCT ON (listener.at, r.value -> 'host') listener.at, r.ordinality AS rank, r.value -> 'host' AS host, r.value -> 'path' AS path
    FROM listener CROSS JOIN LATERAL jsonb_array_elements(listener.value -> 'rules') WITH ORDINALITY r
    ORDER BY listener.at, r.value -> 'host', coalesce(r.value -> 'path' ->> 'value', '/') <> '/', r.ordinality
  ),
  kept AS (SELECT * FROM telling ORDER BY at, rank LIMIT 50)
  SELECT jsonb_agg(jsonb_build_object(
    'port', listener.value -> 'port', 'protocol', listener.value -> 'protocol', 'redirectToHttps', listener.value -> 'redirectToHttps', 'defaultBackend', listener.value -> 'defaultBackend',
    'rules', coalesce((SELECT jsonb_agg(jsonb_build_object('host', kept.host, 'path', kept.path) ORDER BY kept.rank) FROM kept WHERE kept.at = listener.at), '[]')
  ) ORDER BY listener.at) FROM listener
$$;

ALTER TABLE "LoadBalancer" ADD COLUMN "ports" JSONB GENERATED ALWAYS AS (balancer_ports("compiled")) STORED;
-- Ids of the Secrets.
ALTER TABLE "LoadBalancer" ADD COLUMN "certificates" JSONB GENERATED ALWAYS AS (jsonb_path_query_array("compiled", '$.certificates[*].id')) STORED;
