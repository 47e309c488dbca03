import { z } from 'zod'
import type { PodConfigurationMessage } from '@/contracts/host/v1'
import type { ConfigurationObject } from '@/domain/pod/configuration'
import { textToBase64 } from '@/domain/shared/base64'
import type { KeyRing } from '@/platform/crypto/key-ring'
import type { Logger } from '@/platform/logger'
import { unwrapTenantKey, unwrapValue } from '@/server/services/secrets/envelope'
import type { Database } from '@/server/store/database'
import { configurationRevision, findConfigMapValues, findSecretValues, type NamedObject, type PodConfigurationState } from '@/server/store/pod-configuration'

const values = z.record(z.string(), z.string())
/** A Secret's values from their stored text: base64 by key. */
export const secretValues = (text: string): Record<string, string> => values.parse(JSON.parse(text))
export type ConfigurationParts = { db: Database; keyRing: KeyRing; log: Logger }

/**
 * The message that gives a host what one pod names. The values are opened here and stand in it alone: it is made when it is
 * sent, and kept nowhere. What does not open is left out, as what is missing is; the log says which object, never its value.
 */
export async function toConfigurationMessage(parts: ConfigurationParts, state: PodConfigurationState): Promise<PodConfigurationMessage> {
  const objects: ConfigurationObject[] = []
  for (const object of state.objects) {
    if (!object.uid || !object.fits) continue
    const opened = await openObject(parts, state.tenantId, object, object.uid).catch((err: unknown) => parts.log.error({ err, podUid: state.podUid, kind: object.kind, objectUid: object.uid }, 'an object of a pod could not be opened for its host'))
    if (opened) objects.push(opened)
  }
  return { kind: 'configuration', podUid: state.podUid, revision: configurationRevision(state), objects }
}

/** An object as a host gets it; null when it is gone. */
export async function openObject({ db, keyRing }: ConfigurationParts, tenantId: string, { kind, name }: Pick<NamedObject, 'kind' | 'name'>, uid: string): Promise<ConfigurationObject | null> {
  if (kind === 'ConfigMap') {
    const row = await findConfigMapValues(db, tenantId, uid)
    if (!row) return null
    const binary = values.parse(row.binaryData)
    const text = Object.fromEntries(Object.entries(values.parse(row.data)).map(([key, value]) => [key, textToBase64(value)]))
    return { kind, name, type: '', data: { ...text, ...binary }, binaryKeys: Object.keys(binary) }
  }
  const row = await findSecretValues(db, tenantId, uid)
  if (!row?.tenant.key) return null
  const key = unwrapTenantKey(keyRing, tenantId, row.tenant.key.wrappedKey)
  return { kind, name, type: row.type, data: secretValues(unwrapValue(key, row.value).reveal()) }
}

/** What one connection of a host has been given: each pod's configuration at most once a revision. */
export class SentConfiguration {
  private readonly revisions = new Map<string, string>()

  /** The pods whose configuration the host lacks. What it no longer runs is forgotten. */
  outstanding(states: PodConfigurationState[]): PodConfigurationState[] {
    const named = new Set(states.map((state) => state.podUid))
    for (const uid of this.revisions.keys()) if (!named.has(uid)) this.revisions.delete(uid)
    return states.filter((state) => this.revisions.get(state.podUid) !== configurationRevision(state))
  }

  sent({ podUid, revision }: PodConfigurationMessage): void {
    this.revisions.set(podUid, revision)
  }
}
