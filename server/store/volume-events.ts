import { podSpec } from '@/domain/pod/spec'
import { hotMounts } from '@/domain/volume/attachment'
import { placesInSpec, placesInWords } from '@/domain/volume/places-words'
import type { Scope } from '@/server/auth/scope'
import type { Transaction } from './database'
import { recordEvent } from './reports'

/** What happens to a volume is told of it: what people ask of it, with who did, and what comes of that. */
type Told = { uid: string; tenantId: string; name: string }
type Attachment = { podUid: string; tenantId: string; name: string; readOnly: boolean; mounts: unknown }
type Kind = 'Normal' | 'Warning'

export const tellVolume = (tx: Transaction, { tenantId, uid, name }: Told, type: Kind, reason: string, message: string, source = 'host'): Promise<void> =>
  recordEvent(tx, { tenantId, objectUid: uid, objectKind: 'Volume', objectNamespace: null, objectName: name, type, reason, message, source })

/** What somebody asks of it. `done` follows who that is. */
export const tellAsked = (tx: Transaction, scope: Scope, { uid, name }: Omit<Told, 'tenantId'>, reason: string, done: string, type: Kind = 'Normal'): Promise<void> =>
  tellVolume(tx, { uid, name, tenantId: scope.tenantId }, type, reason, `${scope.actor.email} ${done}`, 'api')

/** A pod as sentences name it; null: it is gone. */
export const podInWords = (pod: { namespace: string; name: string } | null): string => (pod ? `the pod "${pod.name}" in namespace "${pod.namespace}"` : 'a pod that is gone')

const sentence = (words: string): string => `${words.charAt(0).toUpperCase()}${words.slice(1)}`

type Pod = { namespace: string; name: string; spec: unknown }
const findPod = (tx: Transaction, { podUid, tenantId }: Pick<Attachment, 'podUid' | 'tenantId'>): Promise<Pod | null> => tx.pod.findFirst({ where: { uid: podUid, tenantId }, select: { namespace: true, name: true, spec: true } })

/** Of one that is gone what was told of it last says how it was called. */
async function nameOf(tx: Transaction, of: Pick<Attachment, 'podUid' | 'tenantId'>): Promise<{ namespace: string; name: string } | null> {
  const pod = await findPod(tx, of)
  if (pod) return pod
  const told = await tx.event.findFirst({ where: { objectUid: of.podUid, tenantId: of.tenantId, objectKind: 'Pod' }, orderBy: { lastTimestamp: 'desc' }, select: { objectNamespace: true, objectName: true } })
  return told && { namespace: told.objectNamespace ?? '', name: told.objectName }
}

/** A host has given a pod the volume: the pod is told, and of the volume, where its containers have it. */
export async function tellAttached(tx: Transaction, volume: Told, attachment: Attachment): Promise<void> {
  const pod = await findPod(tx, attachment)
  const spec = podSpec.safeParse(pod?.spec).data
  const places = placesInWords(hotMounts.safeParse(attachment.mounts).data ?? (spec ? placesInSpec(spec, attachment.name) : []))
  await tellVolume(tx, volume, 'Normal', 'Attached', `${sentence(podInWords(pod))} has it${attachment.readOnly ? ' for reading' : ''}${places}.`)
  if (pod) await recordEvent(tx, { tenantId: attachment.tenantId, objectUid: attachment.podUid, objectKind: 'Pod', objectNamespace: pod.namespace, objectName: pod.name, type: 'Normal', reason: 'VolumeAttached', message: `Volume "${volume.name}" is attached${places}.`, source: 'host' })
}

/** A pod has it no more. Of one that never had it nothing is told. */
async function tellDetached(tx: Transaction, volume: Told, { phase, forced, ...of }: Pick<Attachment, 'podUid' | 'tenantId'> & { phase: string; forced: boolean }): Promise<void> {
  if (phase === 'Waiting') return
  const said = sentence(podInWords(await nameOf(tx, of)))
  if (forced) await tellVolume(tx, volume, 'Warning', 'DetachedByForce', `${said} has it no more. It was taken by force: what its programs had not written out may not be on it.`)
  else await tellVolume(tx, volume, 'Normal', 'Detached', `${said} has it no more.`)
}

/** The same of an attachment whose row is about to go. The volume is held. */
export async function tellRemoved(tx: Transaction, uid: string): Promise<void> {
  const row = await tx.volumeAttachment.findUnique({ where: { uid }, include: { volume: { select: { uid: true, tenantId: true, name: true } } } })
  if (row) await tellDetached(tx, row.volume, row)
}

/** What of these attachments a host has let go of, before their rows go. The volume is held. */
export async function tellLetGo(tx: Transaction, volumeUid: string, hostId: string, ended: readonly string[]): Promise<void> {
  if (ended.length === 0) return
  await tx.$queryRaw`select 1 from "Volume" where "uid" = ${volumeUid}::uuid for update`
  const rows = await tx.volumeAttachment.findMany({ where: { uid: { in: [...ended] }, volumeUid, hostId, phase: { in: ['Detaching', 'Lost'] } }, include: { volume: { select: { uid: true, tenantId: true, name: true } } }, orderBy: { createdAt: 'asc' } })
  for (const { volume, ...row } of rows) await tellDetached(tx, volume, row)
}
