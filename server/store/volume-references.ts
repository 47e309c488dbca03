import { persistentVolumes, type PersistentVolume } from '@/domain/pod/persistent-volumes'
import { podSpec, type PodSpec } from '@/domain/pod/spec'
import { storageClassSpec } from '@/domain/storage-class/spec'
import { volumeSpec, type VolumeSpec } from '@/domain/volume/spec'
import { formattedAs } from '@/domain/volume/state'
import type { Database } from './database'

/** A volume that a pod's spec names, as it is now. `fsType`: what stands on it, or what it is given once it is attached; null: not known yet of what is a copy. */
export type FoundVolume = { uid: string; name: string; spec: VolumeSpec; fsType: 'ext4' | 'xfs' | null; deletedAt: Date | null; homeHostId: string | null; storeId: string; storedPhase: string; sizeBytes: bigint; formatted: string | null }
/**
 * One of a pod's volumes with what it is. `volume`: null where there is none, or a claim has none yet. `problem`: why the pod cannot have it, with what helps; null: nothing is
 * known against it. `readOnly`: as the pod asks, and always where nobody writes.
 */
export type ResolvedVolume = PersistentVolume & { volume: FoundVolume | null; problem: { reason: string; message: string } | null }
export type NamingPod = { uid: string; tenantId: string; namespace: string; spec: PodSpec }

const fields = { uid: true, tenantId: true, name: true, spec: true, deletedAt: true, homeHostId: true, storeId: true, storedPhase: true, sizeBytes: true, formatted: true, class: { select: { spec: true } } } as const
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const key = (...parts: string[]): string => parts.join('/')

/** What each pod's volumes are, in the order of its spec; in two queries, however many pods there are. Pods that name none are left out. */
export async function resolvePodVolumes(db: Database, pods: readonly NamingPod[]): Promise<Map<string, ResolvedVolume[]>> {
  const naming = pods.map((pod) => ({ pod, volumes: persistentVolumes(pod.spec) })).filter(({ volumes }) => volumes.length > 0)
  if (naming.length === 0) return new Map()
  const asked = naming.flatMap(({ pod, volumes }) => volumes.map(({ reference }) => ({ ...reference, tenantId: pod.tenantId, namespace: pod.namespace })))
  const byKey = await volumesBy(db, asked.filter(({ kind }) => kind === 'Volume'))
  const claims = await claimsBy(db, asked.filter(({ kind }) => kind === 'PersistentVolumeClaim'))
  const resolve = ({ tenantId, namespace }: NamingPod, one: PersistentVolume): ResolvedVolume =>
    one.reference.kind === 'Volume' ? ofVolume(one, byKey.get(key(tenantId, one.reference.name))) : ofClaim(one, namespace, claims.get(key(tenantId, namespace, one.reference.name)))
  return new Map(naming.map(({ pod, volumes }) => [pod.uid, eachOnce(volumes.map((one) => resolve(pod, one)))]))
}

/** One disk is one entry: a claim and its volume by its own name are the same. */
const eachOnce = (volumes: readonly ResolvedVolume[]): ResolvedVolume[] =>
  volumes.map((one, i) => {
    const first = volumes.findIndex(({ volume }) => volume !== null && volume.uid === one.volume?.uid)
    return first < 0 || first === i || !one.volume ? one : { ...one, problem: { reason: 'VolumeNamedTwice', message: `Volume "${one.volume.name}" is both "${volumes[first]?.name ?? ''}" and "${one.name}" of this pod: name it once, and mount that several times.` } }
  })

type Asked = { tenantId: string; namespace: string; name: string }

/** By tenant and uid or name. A uid counts before a name; of several of one name the one that is not deleted, then the one that was deleted last. */
async function volumesBy(db: Database, asked: readonly Asked[]): Promise<Map<string, FoundVolume>> {
  if (asked.length === 0) return new Map()
  const tenants = [...new Set(asked.map(({ tenantId }) => tenantId))]
  const names = [...new Set(asked.map(({ name }) => name))]
  const rows = await db.volume.findMany({ where: { tenantId: { in: tenants }, OR: [{ name: { in: names } }, { uid: { in: names.filter((name) => uuid.test(name)) } }] }, select: fields, orderBy: { deletedAt: { sort: 'asc', nulls: 'last' } } })
  const found = rows.map((row) => ({ tenantId: row.tenantId, volume: toFound(row) }))
  return new Map([...found.map(({ tenantId, volume }) => [key(tenantId, volume.name), volume] as const), ...found.map(({ tenantId, volume }) => [key(tenantId, volume.uid), volume] as const)])
}

function toFound({ class: of, tenantId: _, ...row }: Omit<FoundVolume, 'spec' | 'fsType'> & { tenantId: string; spec: unknown; class: { spec: unknown } }): FoundVolume {
  const spec = volumeSpec.parse(row.spec)
  const isCopy = spec.source.kind !== 'Blank' && spec.source.kind !== 'Image'
  // Of what was sent nobody knows what stands on it before a guest has looked, whatever was said of it.
  const asked = spec.source.kind === 'Upload' ? null : (spec.fsType ?? null)
  return { ...row, spec, fsType: formattedAs(row.formatted) ?? asked ?? (isCopy ? null : storageClassSpec.parse(of.spec).fsType) }
}

type FoundClaim = { deletedAt: Date | null; volume: FoundVolume | null }

async function claimsBy(db: Database, asked: readonly Asked[]): Promise<Map<string, FoundClaim>> {
  if (asked.length === 0) return new Map()
  const values = (of: keyof Asked) => [...new Set(asked.map((one) => one[of]))]
  const rows = await db.volumeClaim.findMany({ where: { tenantId: { in: values('tenantId') }, namespace: { in: values('namespace') }, name: { in: values('name') } }, select: { tenantId: true, namespace: true, name: true, deletedAt: true, volume: { select: fields } } })
  return new Map(rows.map(({ tenantId, namespace, name, deletedAt, volume }) => [key(tenantId, namespace, name), { deletedAt, volume: volume && toFound(volume) }]))
}

function ofVolume(one: PersistentVolume, volume: FoundVolume | undefined): ResolvedVolume {
  if (!volume) return { ...one, volume: null, problem: { reason: 'VolumeNotFound', message: `There is no volume "${one.reference.name}": create it, or name another one by its uid or its name.` } }
  return withVolume(one, volume)
}

function ofClaim(one: PersistentVolume, namespace: string, claim: FoundClaim | undefined): ResolvedVolume {
  const { name } = one.reference
  if (!claim) return { ...one, volume: null, problem: { reason: 'ClaimNotFound', message: `There is no PersistentVolumeClaim "${name}" in namespace "${namespace}": create it, or name another one.` } }
  if (claim.deletedAt) return { ...one, volume: claim.volume, problem: { reason: 'ClaimDeleted', message: `The PersistentVolumeClaim "${name}" is being deleted: name another one.` } }
  if (!claim.volume) return { ...one, volume: null, problem: { reason: 'ClaimPending', message: `The PersistentVolumeClaim "${name}" has no volume yet: its conditions say what it waits for.` } }
  return withVolume(one, claim.volume)
}

function withVolume(asked: PersistentVolume, volume: FoundVolume): ResolvedVolume {
  const one = { ...asked, readOnly: asked.readOnly || volume.spec.accessMode === 'ReadOnlyMany', volume }
  const problem = (reason: string, message: string): ResolvedVolume => ({ ...one, problem: { reason, message } })
  const isBlock = volume.spec.volumeMode === 'Block'
  if (volume.deletedAt) return problem('VolumeDeleted', `Volume "${volume.name}" is deleted. Restore it while it can be, or name another one.`)
  if (one.isBlock !== null && one.isBlock !== isBlock) return problem('VolumeModeMismatch', isBlock ? `Volume "${volume.name}" is a block device: name it in volumeDevices of the containers, not in volumeMounts.` : `Volume "${volume.name}" has a file system: name it in volumeMounts of the containers, not in volumeDevices.`)
  if (!isBlock && one.fsType !== null && volume.fsType !== null && volume.fsType !== one.fsType) return problem('FilesystemMismatch', `Volume "${volume.name}" ${volume.formatted === null ? 'is given' : 'has'} ${volume.fsType}, and the pod asks for ${one.fsType}: leave fsType out, or name a volume whose own fsType is ${one.fsType}.`)
  return { ...one, problem: null }
}

/** Pods whose spec names the volume, directly or by its claim, oldest first. */
export async function podsNaming(db: Database, volume: { uid: string; tenantId: string; name: string; claim: { namespace: string; name: string } | null }): Promise<(NamingPod & { name: string; hostId: string | null; deletedAt: Date | null; volumes: ResolvedVolume[] })[]> {
  const { tenantId, uid, name, claim } = volume
  const rows = await db.pod.findMany({
    where: { tenantId, references: { some: { tenantId, OR: [{ kind: 'Volume', name: { in: [uid, name] } }, ...(claim ? [{ kind: 'PersistentVolumeClaim', ...claim }] : [])] } } },
    select: { uid: true, tenantId: true, namespace: true, name: true, hostId: true, deletedAt: true, spec: true }, orderBy: [{ createdAt: 'asc' }, { uid: 'asc' }],
  })
  const pods = rows.map(({ spec, ...pod }) => ({ ...pod, spec: podSpec.parse(spec) }))
  const resolved = await resolvePodVolumes(db, pods)
  return pods.flatMap((pod) => {
    const volumes = (resolved.get(pod.uid) ?? []).filter((one) => one.volume?.uid === uid)
    return volumes.length > 0 ? [{ ...pod, volumes }] : []
  })
}

/** The volumes that a pod has, asks for or names: whose plan has to be looked at where the pod changed. */
export async function volumesOfPod(db: Database, podUid: string): Promise<string[]> {
  const attached = await db.volumeAttachment.findMany({ where: { podUid }, select: { volumeUid: true } })
  const row = await db.pod.findUnique({ where: { uid: podUid }, select: { uid: true, tenantId: true, namespace: true, spec: true } })
  const resolved = row ? ((await resolvePodVolumes(db, [{ ...row, spec: podSpec.parse(row.spec) }])).get(podUid) ?? []) : []
  return [...new Set([...attached.map(({ volumeUid }) => volumeUid), ...resolved.flatMap(({ volume }) => volume?.uid ?? [])])]
}
