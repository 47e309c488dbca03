import pg from 'pg'

/**
 * Fills the database at `url` with pods of one tenant (by slug), and with as many of other tenants: on 40 hosts of which
 * one is silent, most of them running, with reports, conditions and addresses such as real ones have.
 */
export async function fillWithPods(url: string, slug: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('insert into "Host" ("id", "name", "publicKey", "phase", "lastHeartbeat") select gen_random_uuid(), \'host-\' || i, \'key-\' || i, case when i = 1 then \'Unknown\' else \'Ready\' end, now() from generate_series(1, 40) i')
    await client.query('insert into "Tenant" ("id", "slug", "name") select lpad(i::text, 32, \'0\'), \'other-\' || i, \'Other\' from generate_series(1, 4) i')
    await client.query('insert into "Network" ("uid", "tenantId", "name", "spec") select gen_random_uuid(), "id", \'bench\', \'{"subnets": {"a": {"cidr": "10.64.0.0/12", "gateway": "10.64.0.1"}}, "outbound": "internet"}\' from "Tenant"')
    await fillTenant(client, slug, count)
    for (let i = 1; i <= 4; i++) await fillTenant(client, `other-${i}`, count / 4)
    for (const table of ['Pod', 'PodListEntry', 'PodReport', 'ObjectCondition', 'NetworkAddress', 'Host']) await client.query(`vacuum analyze "${table}"`)
  } finally {
    await client.end()
  }
}

async function fillTenant(client: pg.Client, slug: string, count: number): Promise<void> {
  await client.query(insertPods, [slug, count])
  await client.query(insertReports, [slug])
  await client.query(insertConditions, [slug])
  await client.query(insertAddresses, [slug])
}

const insertPods = `
  insert into "Pod" ("uid", "tenantId", "namespace", "name", "labels", "annotations", "spec", "networkId", "createdAt", "hostId", "boundAt", "deletedAt")
  select gen_random_uuid(), t."id", 'team-' || i % 40, 'app-' || i % 90 || '-' || substr(md5(i::text), 1, 10),
    jsonb_build_object('app', 'app-' || i % 90, 'tier', (array['web', 'api', 'db'])[1 + i % 3]) || case when i % 11 = 0 then '{"legacy": "yes"}' else '{}'::jsonb end,
    '{"example.org/owner": "somebody"}',
    jsonb_build_object('initContainers', '[]'::jsonb, 'volumes', '[{"name": "tmp", "emptyDir": {}}]'::jsonb, 'restartPolicy', 'Always', 'terminationGracePeriodSeconds', 30, 'imagePullSecrets', '[]'::jsonb, 'hostAliases', '[]'::jsonb, 'dnsPolicy', 'ClusterFirst',
      'containers', jsonb_build_array(jsonb_build_object('name', 'main', 'image', 'registry.example.org/' || (array['nginx', 'postgres', 'redis', 'busybox'])[1 + i % 4] || ':' || i % 7,
        'command', '["/bin/sh", "-c", "exec /usr/local/bin/serve --listen 0.0.0.0:8080"]'::jsonb, 'args', '[]'::jsonb, 'env', '[{"name": "MODE", "value": "production"}, {"name": "LISTEN", "value": ":8080"}]'::jsonb,
        'ports', '[{"containerPort": 8080, "protocol": "TCP"}]'::jsonb, 'resources', '{"limits": {"cpu": "500m", "memory": "256Mi"}}'::jsonb, 'volumeMounts', '[{"name": "tmp", "mountPath": "/tmp"}]'::jsonb))),
    n."uid", now() - i * interval '7 seconds', case when i % 25 = 0 then null else h."id" end, now() - i * interval '7 seconds', case when i % 200 = 0 then now() end
  from generate_series(1, $2::int) i, "Tenant" t join "Network" n on n."tenantId" = t."id" and n."name" = 'bench', lateral (select "id" from "Host" where "name" = 'host-' || 1 + i % 40) h
  where t."slug" = $1`

const insertReports = `
  insert into "PodReport" ("podUid", "hostId", "bootId", "sequence", "phase", "document")
  select p."uid", p."hostId", p."hostId", 1, s.phase,
    jsonb_build_object('uid', p."uid", 'phase', s.phase, 'reason', '', 'message', '', 'observedGeneration', 1, 'startMode', 'template', 'startedAt', '2026-01-01T00:00:00.000Z',
      'conditions', (select jsonb_agg(jsonb_build_object('type', c, 'status', 'True', 'reason', 'Ready', 'message', 'All is well with it.', 'observedGeneration', 1, 'lastTransitionTime', '2026-01-01T00:00:00.000Z')) from unnest(array['ImagesReady', 'VMReady', 'ContainersReady', 'Ready']) c),
      'startSteps', (select jsonb_agg(jsonb_build_object('name', c, 'startedAt', '2026-01-01T00:00:00.000Z', 'ms', 12.5)) from unnest(array['image', 'network', 'disks', 'template', 'vm', 'guest', 'containers']) c),
      'containers', jsonb_build_array(jsonb_build_object('name', 'main', 'role', 'container', 'image', p."spec" -> 'containers' -> 0 ->> 'image', 'imageDigest', 'sha256:' || repeat('ab', 32), 'state', 'Running', 'ready', true, 'started', true, 'restartCount', s.r % 13,
        'exitCode', null, 'signal', null, 'reason', '', 'message', '', 'startedAt', '2026-01-01T00:00:00.000Z', 'finishedAt', null, 'lastLines', '[]'::jsonb, 'terminationMessage', '', 'lastEnd', null)))
  from "Pod" p join "Tenant" t on t."id" = p."tenantId", lateral (select ('x' || substr(md5(p."name"), 1, 6))::bit(24)::int as r) x,
    lateral (select x.r as r, case when x.r % 50 = 0 then 'Failed' when x.r % 30 = 0 then 'Succeeded' when x.r % 20 = 0 then 'Starting' else 'Running' end as phase) s
  where t."slug" = $1 and p."hostId" is not null`

const insertConditions = `
  insert into "ObjectCondition" ("objectUid", "type", "objectKind", "status", "reason", "message")
  select p."uid", c.type, 'Pod', case when p."hostId" is null then 'False' else 'True' end, 'Bench', 'A sentence about it.'
  from "Pod" p join "Tenant" t on t."id" = p."tenantId", (values ('PodScheduled'), ('AddressAllocated')) c(type)
  where t."slug" = $1 and (p."hostId" is not null or c.type = 'PodScheduled')`

const insertAddresses = `
  insert into "NetworkAddress" ("networkId", "address", "podUid", "mac")
  select p."networkId", '10.64.0.2'::inet + row_number() over (order by p."uid"), p."uid", substr(p."uid"::text, 1, 17)
  from "Pod" p join "Tenant" t on t."id" = p."tenantId" where t."slug" = $1 and p."hostId" is not null`
