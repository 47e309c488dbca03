import { VolumeError, type FoundSnapshot, type Image, type SnapshotFacts, type SnapshotStep, type VolumeFacts, type VolumeStore } from '../store'

type Kept = { sizeBytes: number; epoch: number; parent: boolean; content: string }

/** A store that holds nothing but what was asked of it, in order, and whose calls a test lets wait or fail. */
export class MemoryStore implements VolumeStore {
  readonly kind = 'file'
  readonly calls: string[] = []
  readonly volumes = new Map<string, Kept>()
  readonly snapshots = new Map<string, SnapshotFacts>()
  /** When snapshots were taken, as this store has it. */
  readonly times = new Map<string, string>()
  /** A call of this name waits for its promise, and ends early with its signal. */
  readonly holds = new Map<string, Promise<void>>()
  readonly failures = new Map<string, VolumeError>()
  /** Volumes whose image somebody has locked, dead or alive. */
  readonly locked = new Set<string>()

  private async call(name: string, uid: string, signal?: AbortSignal): Promise<void> {
    this.calls.push(`${name} ${uid}`)
    const held = this.holds.get(name)
    if (held) await (signal ? Promise.race([held, new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))]) : held)
    signal?.throwIfAborted()
    const failure = this.failures.get(name)
    if (failure) throw failure
  }

  private get(uid: string): Kept {
    const one = this.volumes.get(uid)
    if (!one) throw new VolumeError('NotFound', uid, 'not here')
    return one
  }

  probe = async () => {
    const failure = this.failures.get('probe')
    if (failure) throw failure
    return { totalBytes: 2 ** 40, freeBytes: 2 ** 39 }
  }
  list = () => Promise.resolve({ volumes: [...this.volumes.keys()], snapshots: [...this.snapshots.keys()] })

  async create(...[{ uid, sizeBytes, origin }, , signal]: Parameters<VolumeStore['create']>): Promise<void> {
    await this.call('create', uid, signal)
    this.volumes.set(uid, { sizeBytes, epoch: 0, parent: origin.kind === 'snapshot', content: '' })
  }

  async import(...[{ uid, sizeBytes }, , , signal]: Parameters<VolumeStore['import']>): Promise<void> {
    await this.call('import', uid, signal)
    this.volumes.set(uid, { sizeBytes, epoch: 0, parent: false, content: '' })
  }

  async describe(uid: string): Promise<VolumeFacts | null> {
    const one = this.volumes.get(uid)
    return one ? { sizeBytes: one.sizeBytes, storedBytes: 0, parent: one.parent, epoch: one.epoch } : null
  }

  findSnapshot = async (uid: string): Promise<FoundSnapshot | null> => {
    await this.call('findSnapshot', uid)
    const one = this.snapshots.get(uid)
    return one ? { sizeBytes: one.sizeBytes, volumeUid: one.volumeUid, takenAt: this.times.get(uid) ?? null } : null
  }

  describeSnapshot = async (uid: string): Promise<SnapshotFacts | null> => {
    const failure = this.failures.get('describeSnapshot')
    if (failure) throw failure
    return this.snapshots.get(uid) ?? null
  }

  async claim(uid: string, epoch: number): Promise<{ clients: string[] }> {
    await this.call('claim', uid)
    const one = this.get(uid)
    if (one.epoch > epoch) throw new VolumeError('Stale', uid, 'a higher epoch is known')
    one.epoch = epoch
    return { clients: [] }
  }

  async image(uid: string, access: 'read' | 'write', epoch: number): Promise<Image> {
    await this.call(`image ${access}`, uid)
    const one = this.get(uid)
    if (access === 'write' && one.epoch !== epoch) throw new VolumeError('Conflict', uid, 'not claimed')
    return { kind: 'layers', direct: false, layers: [{ id: '1', path: `/${uid}/1`, readOnly: access === 'read' }] }
  }

  async confirmOpen(uid: string, epoch: number): Promise<{ address: null }> {
    await this.call('confirmOpen', uid)
    if (this.get(uid).epoch !== epoch) throw new VolumeError('Stale', uid, 'a higher epoch is known')
    return { address: null }
  }

  isLocked = (uid: string): Promise<boolean> => Promise.resolve(this.locked.has(uid))
  async release(uid: string): Promise<void> {
    await this.call('release', uid)
    this.locked.delete(uid)
  }
  private requireClaim(uid: string, epoch: number | undefined): void {
    if (epoch !== undefined && this.get(uid).epoch !== epoch) throw new VolumeError('Stale', uid, 'a higher epoch is known')
  }
  prepareSnapshot = async (uid: string, _snapshotUid: string, epoch?: number): Promise<SnapshotStep> => {
    await this.call('prepareSnapshot', uid)
    this.requireClaim(uid, epoch)
    return { kind: 'none' }
  }
  async commitSnapshot(uid: string, snapshotUid: string): Promise<void> {
    await this.call('commitSnapshot', uid)
    this.snapshots.set(snapshotUid, { sizeBytes: this.get(uid).sizeBytes, storedBytes: 0, volumeUid: uid })
  }
  abortSnapshot = (uid: string): Promise<void> => this.call('abortSnapshot', uid)
  clone = (_snapshotUid: string, uid: string): Promise<void> => this.call('clone', uid)

  async grow(uid: string, sizeBytes: number): Promise<void> {
    await this.call('grow', uid)
    this.get(uid).sizeBytes = sizeBytes
  }
  async flatten(...[uid, , signal]: Parameters<VolumeStore['flatten']>): Promise<void> {
    await this.call('flatten', uid, signal)
    this.get(uid).parent = false
  }
  revert = (...[uid, , , signal]: Parameters<VolumeStore['revert']>): Promise<void> => this.call('revert', uid, signal)
  async removeSnapshot(uid: string, volumeUid: string | null = null, epoch?: number): Promise<void> {
    await this.call('removeSnapshot', uid)
    if (volumeUid !== null) this.requireClaim(volumeUid, epoch)
    this.snapshots.delete(uid)
  }
  async remove(uid: string): Promise<void> {
    await this.call('remove', uid)
    this.volumes.delete(uid)
  }
}
