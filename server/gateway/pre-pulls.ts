import { createHash } from 'node:crypto'
import type { ImageUpload, PrePull } from '@/contracts/host/v1'
import { pullSecretKeys } from '@/domain/image/docker-config'
import type { ConfigurationObject } from '@/domain/pod/configuration'
import { unwrapTenantKey, unwrapValue } from '@/server/services/secrets/envelope'
import type { Database } from '@/server/store/database'
import { findPullSecretValues, listWantedPrePulls, type PullSecretName, type PullSecretValue, type WantedPrePull } from '@/server/store/image-pre-pulls'
import { resolveUploads, uploadKey } from '@/server/store/image-uploads'
import { secretValues, type ConfigurationParts } from './pod-configuration'

/**
 * The whole list goes in one message: a pre-pull whose Secrets are over the room of its tenant, or of all, is left out until
 * others are done. Bytes of Secrets as they are stored.
 */
const room = { ofTenant: 256 << 10, ofAll: 4 << 20 }

export type PlannedPrePull = { wanted: WantedPrePull; secrets: PullSecretName[]; upload: ImageUpload | null }
/** `revision` is another whenever a host would be told something else. */
export type PrePullPlan = { revision: string; prePulls: PlannedPrePull[] }

/** What every host shall have ahead of pods, without any Secret's values: cheap, for it is asked at each wake of each host. */
export async function planPrePulls(db: Database): Promise<PrePullPlan> {
  const rows = await listWantedPrePulls(db)
  const uploads = await resolveUploads(db, rows.map(({ tenantId, reference }) => ({ tenantId: tenantId ?? '', reference })))
  const taken = new Map<string, number>()
  let all = 0
  const prePulls: PlannedPrePull[] = []
  for (const wanted of rows) {
    const tenant = wanted.tenantId ?? ''
    const secrets = wanted.secrets.filter(({ type }) => Object.hasOwn(pullSecretKeys, type))
    const bytes = secrets.reduce((sum, secret) => sum + secret.bytes, 0)
    const own = (taken.get(tenant) ?? 0) + bytes
    if (own > room.ofTenant || all + bytes > room.ofAll) continue
    taken.set(tenant, own)
    all += bytes
    prePulls.push({ wanted, secrets, upload: uploads.get(uploadKey(tenant, wanted.reference)) ?? null })
  }
  const said = prePulls.map(({ wanted, secrets, upload }) => [wanted.id, secrets.map(({ uid, revision }) => [uid, revision]), upload?.uploadId])
  return { revision: createHash('sha256').update(JSON.stringify(said)).digest('hex'), prePulls }
}

/** The plan as a host gets it. Secrets are opened here, stand in this list alone, and no more of them than their logins. */
export async function openPrePulls(parts: ConfigurationParts, { prePulls }: PrePullPlan): Promise<PrePull[]> {
  const uids = [...new Set(prePulls.flatMap(({ secrets }) => secrets.map(({ uid }) => uid)))]
  const rows = new Map((uids.length === 0 ? [] : await findPullSecretValues(parts.db, uids)).map((row) => [row.uid, row]))
  return prePulls.map(({ wanted: { id, tenantId, reference }, secrets, upload }) => {
    const pullSecrets = secrets.flatMap(({ uid }) => {
      const row = rows.get(uid)
      return (row?.tenantId === tenantId && openPullSecret(parts, row)) || []
    })
    return { id, tenantId: tenantId ?? '', reference, pullSecrets, upload }
  })
}

/** Null for what is no pull Secret, and for one that does not open: the log says which. */
function openPullSecret({ keyRing, log }: ConfigurationParts, row: PullSecretValue): ConfigurationObject | null {
  const key = Object.hasOwn(pullSecretKeys, row.type) ? pullSecretKeys[row.type] : undefined
  if (key === undefined || !row.tenant.key) return null
  try {
    const content = secretValues(unwrapValue(unwrapTenantKey(keyRing, row.tenantId, row.tenant.key.wrappedKey), row.value).reveal())[key]
    return content === undefined ? null : { kind: 'Secret', name: row.name, type: row.type, data: { [key]: content } }
  } catch (err) {
    log.error({ err, objectUid: row.uid }, 'a pull Secret could not be opened for hosts')
    return null
  }
}
