import type { ModelMachine } from './volume-model-machine'

/** Who has the image open. `view`: what its guest believes is on it. `able`: its guest has the disk, and may write. */
export type Client = { readonly machine: ModelMachine; readonly epoch: number; readonly writes: boolean; able: boolean; view: number[]; blocked: boolean; watched: boolean; dead: boolean }
/** Why a step is not done: what the store would say. */
export class Refused extends Error {}

/**
 * One image as a store has it. Each call is one step that nothing comes between. Of rbd: whoever opens is a watcher until it has been silent for a while; a lock passes between clients that both live, on demand;
 * a client on the blocklist writes nothing. Of files: no lock, and no fence. Notes of fencing numbers are added and never replaced, and outlive the image.
 */
export class ModelStore {
  exists = false
  /** Made whole. */
  made = false
  size = 1
  bytes: number[] = []
  readonly snapshots = new Map<string, readonly number[]>()
  readonly clients = new Set<Client>()
  private notes: number[] = [0]
  private lockedBy: Client | null = null
  /** What was acknowledged to guests, since it was brought back last. */
  acknowledged: number[] = []
  private written = 0

  constructor(readonly canFence: boolean) {}

  get noted(): number {
    return Math.max(...this.notes)
  }
  note = (epoch: number): void => void this.notes.push(epoch)
  overwriteNotes = (epoch: number): void => void (this.notes = [epoch])

  open(machine: ModelMachine, epoch: number, writes: boolean): Client {
    const client: Client = { machine, epoch, writes, able: false, view: [], blocked: false, watched: true, dead: false }
    this.clients.add(client)
    return client
  }
  close(client: Client): void {
    this.clients.delete(client)
    if (this.lockedBy === client) this.lockedBy = null
  }
  /** It has died without closing: of a file the kernel closes what it had; Ceph does not know yet. */
  abandon(client: Client): void {
    Object.assign(client, { able: false, dead: true })
    if (!this.canFence) this.close(client)
  }

  /** Takes the lock, or has it: from another one that lives it comes on demand. */
  lock(client: Client): void {
    if (client.blocked) throw new Refused('it is shut out')
    if (!this.canFence) return
    const owner = this.lockedBy
    if (owner !== null && owner !== client && !owner.blocked && !owner.machine.isAwake) throw new Refused('whoever has the lock does not answer')
    this.lockedBy = client
    client.watched = true
  }
  /** Who is seen: who has it open and was heard of, or has the lock. */
  get seen(): Client[] {
    return [...this.clients].filter((client) => client.watched || this.lockedBy === client)
  }
  shutOut(clients: readonly Client[], epoch: number): void {
    for (const client of clients) {
      if (client.epoch > epoch) throw new Error(`I8: who has it under ${client.epoch} is shut out under ${epoch}`)
      client.blocked = true
    }
    if (this.lockedBy?.blocked) this.lockedBy = null
  }
  /** Who sleeps or has died is no watcher any more. */
  forgetSilent = (): void => this.clients.forEach((client) => void (client.watched &&= client.machine.isAwake && !client.dead))
  /** What must never be: a blocklist that runs out. */
  forgetBlocked = (): void => this.clients.forEach((client) => void (client.blocked = false))

  /** Gives the disk to a guest, which reads it. */
  plug(client: Client): void {
    if (!this.made) throw new Error('I7: a guest gets an image that is half made')
    client.able = true
    client.view = [...this.bytes]
  }
  /** A guest writes and flushes: what it knows goes to the image. */
  write(client: Client): void {
    if (!client.able || !client.writes || client.blocked || !client.machine.isAwake) return
    try {
      this.lock(client)
    } catch {
      return
    }
    client.view.push((this.written += 1))
    this.bytes = [...client.view]
    this.acknowledged.push(this.written)
  }

  /** By whoever has it open for that, and is not shut out. */
  private by(client: Client): void {
    if (client.blocked) throw new Refused('it is shut out')
  }
  begin(client: Client): void {
    this.by(client)
    if (this.made) throw new Refused('it is there')
    this.exists = true
  }
  finish(client: Client): void {
    this.by(client)
    this.made = true
    this.bytes = []
  }
  /** `asked`: whether people want it now. Else nothing that was acknowledged may be missing afterwards. */
  rollBack(client: Client, snapshot: string, asked: boolean): void {
    this.by(client)
    this.bytes = [...(this.snapshots.get(snapshot) ?? [])]
    if (asked) this.acknowledged = [...this.bytes]
  }
  snapshot = (name: string): void => void (this.snapshots.has(name) || this.snapshots.set(name, Object.freeze([...this.bytes])))
  remove(): void {
    if ([...this.clients].some(({ watched, blocked }) => watched && !blocked)) throw new Refused('somebody has it open')
    this.exists = false
    this.made = false
    this.bytes = []
    this.acknowledged = []
  }

  /** Whose guest can complete a write, now or when its machine goes on. */
  get writers(): Client[] {
    return [...this.clients].filter(({ able, writes, blocked }) => able && writes && !blocked)
  }
}
