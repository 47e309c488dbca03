import { volumeObjectKey, type AttachmentReport, type HostVolume, type HostVolumeSnapshot, type StoreSecretsMessage, type VolumeObject, type VolumeReport } from '@/contracts/host/v1/volumes'
import type { Assignment } from '@/contracts/host/v1'
import type { startTestServer } from '@/server/api/testing/server'
import type { HostSessions } from '../host-sessions'
import { connectHost } from './connected-host'

/** `rights`: which pods it was told of and has not said of that they are detached. */
type KnownVolume = { epoch: number; rights: Map<string, { podUid: string; epoch: number }>; open: Map<string, AttachmentReport>; made: boolean; sizeBytes: number; formatted: VolumeReport['formatted']; fenced: VolumeReport['fenced']; revertedTo: string | null; held: boolean }
/** What of a host outlives its agent: its ledger, its disk and its virtual machines. */
export type VolumeDisk = { volumes: Map<string, KnownVolume>; snapshots: Map<string, { held: boolean; takenAt: string; formatted?: VolumeReport['formatted'] }> }
export const emptyDisk = (): VolumeDisk => ({ volumes: new Map(), snapshots: new Map() })

const storeBytes = { totalBytes: 2 ** 40, freeBytes: 2 ** 39 }
const keyOf = ({ podUid, epoch }: { podUid: string; epoch: number }) => `${podUid}/${epoch}`
const nameless = { reason: '', message: '' }

/**
 * A host that speaks the real protocol of volumes over the real router: it makes, opens, grows, brings back and removes what it is told, takes snapshots, says so, and answers each removal, unless it is told to keep silent. Its store is a word. `disk`: what
 * it had before; the same one with a new connection is an agent that was started anew.
 */
export async function connectVolumeHost(server: Awaited<ReturnType<typeof startTestServer>>, sessions: HostSessions, name: string, disk: VolumeDisk = emptyDisk()) {
  const { reportVolumes, ...host } = await connectHost(server, sessions, name)
  /** One report at a time, as an agent: of two that were under way the older one could be taken last. */
  let sent: Promise<unknown> = Promise.resolve()
  const say = (reports: () => VolumeReport[], options?: Parameters<typeof reportVolumes>[1]) => {
    const next = sent.then(() => reportVolumes(reports(), options))
    sent = next.catch(() => undefined)
    return next
  }
  const told = new Map<string, VolumeObject>()
  const secrets = new Map<string, StoreSecretsMessage['secrets'][number]>()
  const failures = new Map<string, { reason: string; message: string }>()
  const paused = new Set<string>()
  const removed: string[] = []
  const seen: string[] = []
  const owed: (() => VolumeReport[])[] = []
  let assignments: Assignment[] = []
  let answers = true

  const known = (uid: string): KnownVolume => {
    const one = disk.volumes.get(uid) ?? { epoch: 0, rights: new Map<string, { podUid: string; epoch: number }>(), open: new Map<string, AttachmentReport>(), made: false, sizeBytes: 0, formatted: null, fenced: null, revertedTo: null, held: false }
    disk.volumes.set(uid, one)
    return one
  }
  const attached = (podUid: string, epoch: number, phase: AttachmentReport['phase'], uid: string): AttachmentReport => ({ podUid, epoch, phase, ...nameless, device: phase === 'Attached' ? '/dev/vdc' : null, usedBytes: phase === 'Attached' ? 1 << 20 : null, fsBytes: phase === 'Attached' ? known(uid).sizeBytes : null, paused: paused.has(uid), transport: 'direct' })
  const volumeReport = (uid: string, phase: VolumeReport['phase'], detached: AttachmentReport[] = []): VolumeReport => {
    const { epoch, open, made, sizeBytes, formatted, fenced, revertedTo } = known(uid)
    const failure = failures.get(uid)
    const attachments = [...[...open.values()].map((one) => ({ ...one, paused: paused.has(uid) })), ...detached]
    return { kind: 'volume', uid, epoch, phase: failure && phase !== 'Gone' ? 'Failed' : phase, ...(failure ?? nameless), progress: null, sizeBytes: made ? sizeBytes : null, storedBytes: made ? 4096 : null, formatted, parent: false, revertedTo, fenced, attachments }
  }
  const snapshotReport = (uid: string, phase: VolumeReport['phase']): VolumeReport => ({ kind: 'snapshot', uid, epoch: 0, phase, ...(failures.get(uid) ?? nameless), storedBytes: 4096, consistency: 'CrashConsistent', stallMs: 3, takenAt: disk.snapshots.get(uid)?.takenAt ?? null, formatted: disk.snapshots.get(uid)?.formatted })

  /** All that it is to do with a volume, at once; what it has open that it is not told of any more is closed first. */
  const keep = (volume: HostVolume): VolumeReport[] => {
    const one = known(volume.uid)
    if (volume.epoch < one.epoch) return []
    if (volume.epoch > one.epoch) Object.assign(one, { epoch: volume.epoch, revertedTo: null })
    one.held = true
    const allowed = new Set(volume.attachments.map(keyOf))
    const detached = [...one.rights].filter(([key]) => !allowed.has(key)).map(([key, { podUid, epoch }]) => {
      one.open.delete(key)
      one.rights.delete(key)
      return attached(podUid, epoch, 'Detached', volume.uid)
    })
    for (const { podUid, epoch } of volume.attachments) one.rights.set(keyOf({ podUid, epoch }), { podUid, epoch })
    if (failures.has(volume.uid)) return [volumeReport(volume.uid, 'Failed', detached)]
    if (volume.fence && volume.keeper) one.fenced = { epoch: volume.epoch, clients: ['192.0.2.9:0/17'] }
    if (volume.purge) {
      Object.assign(one, { made: false, sizeBytes: 0 })
      return [volumeReport(volume.uid, 'Purged', detached)]
    }
    if (volume.keeper) Object.assign(one, { made: true, sizeBytes: Math.max(one.sizeBytes, volume.sizeBytes) })
    if (volume.revertTo && one.open.size === 0) Object.assign(one, { revertedTo: volume.revertTo, formatted: null })
    for (const attachment of volume.attachments) {
      if (one.open.has(keyOf(attachment))) continue
      if (volume.mode === 'filesystem') one.formatted ??= volume.fsType
      else one.formatted = 'block'
      one.open.set(keyOf(attachment), attached(attachment.podUid, attachment.epoch, 'Attached', volume.uid))
    }
    return [volumeReport(volume.uid, 'Ready', detached)]
  }
  const keepSnapshot = ({ uid, state, volumeUid }: HostVolumeSnapshot): VolumeReport[] => {
    if (state === 'remove') {
      disk.snapshots.delete(uid)
      return [snapshotReport(uid, 'Purged')]
    }
    if (failures.has(uid)) return [snapshotReport(uid, 'Failed')]
    const volume = told.get(`volume/${volumeUid ?? ''}`)
    const formatted = disk.volumes.get(volumeUid ?? '')?.formatted ?? (volume?.kind === 'volume' && !volume.formatted ? null : undefined)
    disk.snapshots.set(uid, { takenAt: new Date().toISOString(), formatted, ...disk.snapshots.get(uid), held: true })
    return [snapshotReport(uid, 'Ready')]
  }
  /** Nothing of it is open afterwards. */
  const letGo = (key: string): VolumeReport[] => {
    const [kind = '', uid = ''] = key.split('/')
    if (kind === 'snapshot') {
      const snapshot = disk.snapshots.get(uid)
      if (snapshot) snapshot.held = false
      return [snapshotReport(uid, 'Gone')]
    }
    const one = known(uid)
    one.open.clear()
    one.rights.clear()
    one.held = false
    return kind === 'store' ? [] : [volumeReport(uid, 'Gone')]
  }
  const heldKeys = () => [...[...disk.volumes].flatMap(([uid, { held }]) => (held ? [`volume/${uid}`] : [])), ...[...disk.snapshots].flatMap(([uid, { held }]) => (held ? [`snapshot/${uid}`] : []))]

  const take = (objects: readonly VolumeObject[], remove: readonly string[]) => {
    for (const key of remove) {
      told.delete(key)
      removed.push(key)
      owed.push(() => (told.has(key) ? [] : letGo(key)))
    }
    for (const object of objects) {
      const key = volumeObjectKey(object)
      told.set(key, object)
      if (object.kind !== 'store') owed.push(() => (told.get(key) === object ? (object.kind === 'volume' ? keep(object) : keepSnapshot(object)) : []))
    }
  }
  const work = async () => {
    const reports = owed.splice(0).flatMap((step) => step())
    const stores = [...told.values()].flatMap((object) => (object.kind === 'store' ? [{ uid: object.uid, reachable: true, message: '', ...storeBytes }] : []))
    if (reports.length + stores.length > 0) await say(() => reports, { stores })
  }
  let closed = false
  const run = async () => {
    for (;;) {
      const message = await host.next()
      // An agent that has ended does nothing to its disk any more, whatever was on the way to it.
      if (closed) return
      if (message.kind === 'desired') assignments = message.assignments
      if (message.kind === 'storeSecrets') for (const one of message.secrets) secrets.set(one.storeUid, one)
      if (message.kind !== 'networkObjects') seen.push(message.kind)
      if (message.kind !== 'volumeObjects') continue
      const named = new Set(message.set.map(volumeObjectKey))
      take(message.set, message.complete ? [...heldKeys(), ...told.keys()].filter((key, i, all) => !named.has(key) && all.indexOf(key) === i) : message.remove)
      if (answers && !message.more) await work()
    }
  }
  // It ends with its connection; what goes wrong before is told by the test's end.
  let failure: unknown = null
  void run().catch((error: unknown) => (failure = closed ? null : error))
  return {
    ...host, disk, told, secrets, removed, seen,
    failure: () => failure,
    close: () => {
      closed = true
      host.close()
    },
    assignments: () => assignments,
    volume: (uid: string): HostVolume | undefined => [...told.values()].find((object): object is HostVolume => object.kind === 'volume' && object.uid === uid),
    /** Its first report: from then on it is told of volumes. */
    begin: () => say(() => [...[...disk.volumes].flatMap(([uid, { held, made }]) => (held ? [volumeReport(uid, made ? 'Ready' : 'Creating')] : [])), ...[...disk.snapshots].flatMap(([uid, { held }]) => (held ? [snapshotReport(uid, 'Ready')] : []))], { complete: true }),
    /** The pods that have the volume open, each under its number. */
    openBy: (uid: string): string[] => [...disk.volumes.get(uid)?.open.keys() ?? []],
    fail: (uid: string, reason: string, message: string) => void failures.set(uid, { reason, message }),
    /** The store does not take what pods write; or does again. */
    pause: async (uid: string, stands: boolean) => {
      if (stands) paused.add(uid)
      else paused.delete(uid)
      await say(() => [volumeReport(uid, 'Ready')])
    },
    holdAnswers: () => (answers = false),
    answersAgain: async () => {
      answers = true
      await work()
    },
  }
}
