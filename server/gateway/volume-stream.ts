import type { DesiredMessage } from '@/contracts/host/v1'
import { volumeObject as asVolume, volumeObjectKey, type VolumeObject } from '@/contracts/host/v1/volumes'
import type { AttachmentState, VolumeState } from '@/domain/volume/host-state'
import type { KeyRing } from '@/platform/crypto/key-ring'
import type { Logger } from '@/platform/logger'
import { snapshotObject, storeObject, volumeObject } from '@/server/drivers/native/volume/objects'
import { inSnapshot, type DatabaseClient } from '@/server/store/database'
import { recordEpochMismatch } from '@/server/store/volume-reports'
import { readHostVolumes, type HostVolumes } from '@/server/store/volume-state'
import { rightKey } from './held-volumes'
import type { HostSession } from './host-sessions'
import { SentStoreSecrets } from './store-secrets'
import { ToldObjects } from './told-objects'
import { settleHostVolumes, settledOf } from './volume-settling'

type Parts = { db: DatabaseClient; keyRing: KeyRing; log: Logger }

/** What could not be read or said is tried again after so long. */
const retryMs = 5_000
/** What could not be freed since a tenant's change of it is under way, after so long. */
const busyMs = 500

/** What one connection of a host is told of stores, volumes and snapshots, in turns: one at a time, each of what is so now. */
export class VolumeStream {
  private readonly told = new ToldObjects<VolumeObject>(asVolume, volumeObjectKey)
  private readonly secrets = new SentStoreSecrets()
  /** Of which volume the snapshots are that the host was told of, by uid: they are told with it. */
  private readonly snapshotsOf = new Map<string, string | null>()
  /** Which pods may have which volume here, by the volume's uid: it stands in their assignments, too. */
  private readonly rights = new Map<string, string>()
  /** Volumes of pods of which the host is not told yet, by uid. */
  private awaited: ReadonlySet<string> = new Set()
  /** Volumes that the host has under a higher number than their rows, as was said in the log. */
  private readonly ahead = new Set<string>()
  private retry: NodeJS.Timeout | null = null

  constructor(
    private readonly parts: Parts,
    private readonly session: HostSession,
  ) {}

  /**
   * The messages that there are for the host now; afterwards what it has no more is said to be free. Nothing before the host has named what it may have open.
   * @param wasSent whether the host was told of the pod: its right to a volume comes after it
   */
  async *messages(wasSent: (podUid: string) => boolean): AsyncGenerator<DesiredMessage> {
    const { session } = this
    if (!session.takesVolumes || !session.heldVolumes.isReady) return
    const woken = session.volumeWakes.take()
    if (woken === undefined && this.awaited.size === 0) return
    const scope = woken === null ? null : new Set([...(woken ?? []), ...this.awaited])
    try {
      yield* this.tell(wasSent, scope)
    } catch (err) {
      this.parts.log.error({ err, hostId: session.hostId }, 'what a host shall do with volumes could not be said: it keeps what it was told; it is tried again')
      session.volumeWakes.noteWhole()
      this.retry ??= setTimeout(() => {
        this.retry = null
        session.wakeVolumes(null)
      }, retryMs).unref()
    }
  }

  private async *tell(wasSent: (podUid: string) => boolean, scope: ReadonlySet<string> | null): AsyncGenerator<DesiredMessage> {
    const { session, parts } = this
    const held = session.heldVolumes
    const leaving = held.leaving()
    const state = await inSnapshot(parts.db, (tx) => readHostVolumes(tx, session.hostId, scope && [...scope]))
    // Where it fails, nothing was said, and nothing counts as held.
    const secrets = await this.secrets.message(parts, state.stores)
    const stays = await this.withoutWord(state.volumes)
    const { objects, awaited } = this.objectsOf(state, wasSent)
    const { prepared, misshapen } = this.told.prepare(objects)
    for (const { key, problem } of misshapen) parts.log.error({ hostId: session.hostId, object: key, problem }, 'an object of volumes is not as agreed with hosts: they keep what they were told of it')
    const kept = new Set([...stays, ...misshapen.map(({ key }) => key)])
    const read = scope && new Set([...scope, ...state.volumes.map(({ uid }) => uid), ...state.snapshots.map(({ uid }) => uid)])
    const only = (key: string) => !kept.has(key) && (read === null || read.has(uidOf(key)) || read.has(this.snapshotsOf.get(uidOf(key)) ?? ''))
    const chosen = held.choose(prepared.flatMap(({ object }) => (object.kind === 'store' || kept.has(volumeObjectKey(object)) ? [] : [object])), leaving, only)
    const parted = this.told.parts(prepared.filter(({ key, object }) => object.kind === 'store' || chosen.has(key)), only)
    this.note(state, scope, awaited)
    if (this.noteRights(state, scope)) session.wake()
    if (secrets) yield secrets
    for (const part of parted) yield { kind: 'volumeObjects', ...part }
    const { busy } = await settleHostVolumes(parts, session, settledOf(held, state, session.hostId))
    this.tryAgain(busy)
  }

  /** Whose rows somebody else holds: they are looked at again a little later. */
  private tryAgain(busy: readonly string[]): void {
    if (busy.length > 0) setTimeout(() => this.session.wakeVolumes(busy), busyMs).unref()
  }

  private objectsOf(state: HostVolumes, wasSent: (podUid: string) => boolean): { objects: VolumeObject[]; awaited: string[] } {
    const { hostId, heldVolumes: held } = this.session
    const awaited = new Set<string>()
    const mayTell = ({ uid }: VolumeState) => (one: AttachmentState): boolean => {
      if (held.isReady && held.holdsRight(`volume/${uid}`, rightKey(one))) return true
      // Taken for lost, and not there any more: its pod asks anew.
      if (one.phase === 'Lost') return false
      if (!wasSent(one.podUid)) awaited.add(uid)
      return wasSent(one.podUid)
    }
    const volumes = state.volumes.flatMap((volume) => volumeObject(volume, hostId, mayTell(volume)) ?? [])
    const snapshots = state.snapshots.flatMap((snapshot) => snapshotObject(snapshot) ?? [])
    return { objects: [...state.stores.map(storeObject), ...volumes, ...snapshots], awaited: [...awaited] }
  }

  /** Of volumes that the host has under a higher number than their rows, nothing is said: the database is older than what hosts did since, and an operator decides. */
  private async withoutWord(volumes: readonly VolumeState[]): Promise<string[]> {
    const { parts: { db, log }, session: { hostId, heldVolumes } } = this
    const ahead = volumes.map(({ uid, epoch }) => ({ uid, key: `volume/${uid}`, epoch, known: heldVolumes.epochOf(`volume/${uid}`) })).filter(({ epoch, known }) => known > epoch)
    for (const { uid, key, epoch, known } of ahead) {
      if (this.ahead.has(key)) continue
      log.error({ hostId, volumeUid: uid, epoch, known }, 'a host has a volume under a higher fencing number than its row has: the database is older than what was done since, and the host is told nothing of it')
      await recordEpochMismatch(db, hostId, uid, known)
      this.ahead.add(key)
    }
    return ahead.map(({ key }) => key)
  }

  /** Whether the assignments of pods are to be told anew. */
  private noteRights({ volumes }: HostVolumes, scope: ReadonlySet<string> | null): boolean {
    const now = new Map(volumes.map(({ uid, attachments }) => [uid, attachments.filter(({ phase }) => phase !== 'Detaching').map(rightKey).join()]))
    let changed = false
    for (const uid of new Set([...now.keys(), ...(scope ?? this.rights.keys())])) {
      const [before, after] = [this.rights.get(uid) ?? '', now.get(uid) ?? '']
      changed ||= before !== after
      if (after === '') this.rights.delete(uid)
      else this.rights.set(uid, after)
    }
    return changed
  }

  private note(state: HostVolumes, scope: ReadonlySet<string> | null, awaited: readonly string[]): void {
    this.awaited = new Set([...[...this.awaited].filter((uid) => scope !== null && !scope.has(uid)), ...awaited])
    for (const { uid, volumeUid } of state.snapshots) this.snapshotsOf.set(uid, volumeUid)
    for (const uid of this.snapshotsOf.keys()) if (!this.told.has(`snapshot/${uid}`)) this.snapshotsOf.delete(uid)
  }
}

const uidOf = (key: string): string => key.slice(key.indexOf('/') + 1)
