import type { PrePull } from '@/contracts/host/v1'
import type { ConfigurationObject } from '@/domain/pod/configuration'
import { findPullSecrets, listValidPrePulls } from '@/server/store/image-pre-pulls'
import { resolveUploads, uploadKey } from '@/server/store/image-uploads'
import { openObject, type ConfigurationParts } from './pod-configuration'

/** The whole list goes in one message: what is over this waits until others are done. Bytes of Secrets' values. */
const maxSecretBytes = 4 << 20

/** What every host shall have ahead of pods. Secrets are opened here, and stand in this list alone. */
export async function listPrePulls(parts: ConfigurationParts): Promise<PrePull[]> {
  const rows = await listValidPrePulls(parts.db)
  const uploads = await resolveUploads(parts.db, rows.map(({ tenantId, reference }) => ({ tenantId: tenantId ?? '', reference })))
  const result: PrePull[] = []
  let secretBytes = 0
  for (const { id, tenantId, reference, namespace, pullSecrets } of rows) {
    const secrets = tenantId && namespace && pullSecrets.length > 0 ? await openPullSecrets(parts, tenantId, namespace, pullSecrets) : []
    secretBytes += secrets.reduce((sum, { data }) => sum + Object.values(data).reduce((bytes, value) => bytes + value.length, 0), 0)
    if (secretBytes > maxSecretBytes) break
    result.push({ id, tenantId: tenantId ?? '', reference, pullSecrets: secrets, upload: uploads.get(uploadKey(tenantId ?? '', reference)) ?? null })
  }
  return result
}

async function openPullSecrets(parts: ConfigurationParts, tenantId: string, namespace: string, names: string[]): Promise<ConfigurationObject[]> {
  const opened: ConfigurationObject[] = []
  for (const { uid, name } of await findPullSecrets(parts.db, tenantId, namespace, names)) {
    const object = await openObject(parts, tenantId, { kind: 'Secret', name }, uid).catch((err: unknown) => parts.log.error({ err, objectUid: uid }, 'a pull Secret could not be opened for hosts'))
    if (object) opened.push(object)
  }
  return opened
}
