import { ModelMachine } from './volume-model-machine'
import { Refused, type Client, type ModelStore } from './volume-model-store'
import { ModelConnection, rightKey, type ModelMessage, type ModelObject, type ModelReport } from './volume-model-wire'

/** What a host must never do, for the test to see that it is found out. */
export type CarelessHost = 'noEpoch' | 'noFence' | 'noLock' | 'noSecondLook' | 'fenceFirst' | 'overwrites' | 'listsLate' | 'goneEarly' | 'revertsOnce'
/** What is not done in one step. It goes on where it was when its machine wakes up, and is lost with its agent. */
type Job = { readonly name: string; readonly steps: (() => void)[]; client: Client | null }

/**
 * A host that does with one volume what contracts/host/v1/volumes.ts says, a step at a time. Its ledger is on its disk and is written before it is in force; what it was told is in its agent's memory;
 * who has the image open is in virtual machines, which outlive the agent.
 */
export class ModelVolumeHost {
  readonly machine: ModelMachine
  connection = new ModelConnection()
  private readonly ledger = { epoch: 0, holds: false, claimed: 0, fencedBelow: 0, reverted: null as { epoch: number; to: string } | null }
  private wanted: ModelObject | null = null
  private told = false
  private removal = false
  private purged = false
  private readonly owed = new Set<string>()
  private job: Job | null = null
  private readonly vms = new Map<string, Client>()
  private said = ''

  /** `revertAsked`: whether people want that now, for what is lost by it to count as wanted. */
  constructor(id: string, private readonly store: ModelStore, private readonly careless: CarelessHost | null, private readonly revertAsked: (to: string) => boolean) {
    this.machine = new ModelMachine(id)
    this.connect()
  }

  get epoch(): number {
    return this.ledger.epoch
  }
  /** Those pods of it that have the disk and are not shut out. */
  get serving(): string[] {
    return [...this.vms].filter(([, { able, blocked }]) => able && !blocked).map(([key]) => key)
  }

  connect(): void {
    this.connection = new ModelConnection()
    this.told = false
    this.removal = false
    this.owed.clear()
    this.send({ complete: true, named: this.ledger.holds || this.vms.size > 0 })
  }
  restartAgent(): void {
    if (!this.machine.isAwake) return
    this.forget()
    this.connect()
  }
  private forget(): void {
    if (this.job?.client) this.store.close(this.job.client)
    this.job = null
    this.wanted = null
    this.purged = false
  }
  switchOff(): void {
    this.machine.power = 'off'
    for (const client of [...this.vms.values(), ...(this.job?.client ? [this.job.client] : [])]) this.store.abandon(client)
    this.vms.clear()
    this.job = null
    this.forget()
  }
  writeSome = (): void => this.vms.forEach((client) => this.store.write(client))
  /** Its virtual machine dies under the agent, which starts it anew. */
  killVm(): void {
    if (!this.machine.isAwake) return
    for (const [key, client] of this.vms) {
      this.store.abandon(client)
      this.vms.delete(key)
    }
  }

  take(): void {
    if (!this.machine.isHeard) return
    const message = this.connection.toHost.shift()
    if (message) this.hear(message)
  }
  private hear({ complete, object }: ModelMessage): void {
    const before = this.wanted?.attachments ?? []
    const kept = new Set(object?.attachments.map(({ podUid, epoch }) => rightKey(podUid, epoch)))
    for (const key of [...before.map(({ podUid, epoch }) => rightKey(podUid, epoch)), ...this.vms.keys()]) if (!kept.has(key)) this.owed.add(key)
    this.told = true
    this.wanted = object
    this.removal = object === null && (!complete || this.ledger.holds || this.vms.size > 0)
    if (this.removal && this.careless === 'goneEarly') this.send({ gone: true })
  }

  /** One step. */
  work(): void {
    if (!this.machine.isAwake) return
    try {
      const step = this.job?.steps.shift()
      if (step) step()
      else this.nextStep()
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      if (this.job?.client) this.store.close(this.job.client)
      this.job = null
    }
    if (this.job?.steps.length === 0) this.job = null
    this.sayWhatChanged()
  }

  private nextStep(): void {
    if (!this.told) return
    const { wanted: to, ledger } = this
    const allowed = new Set(to?.attachments.map(({ podUid, epoch }) => rightKey(podUid, epoch)))
    for (const [key, client] of this.vms) if (!allowed.has(key)) return this.detach(key, client)
    if (this.owed.size > 0) return this.sayDetached()
    if (!to) return this.removal ? this.letGo() : undefined
    if (to.epoch < ledger.epoch) return
    if (to.epoch > ledger.epoch || !ledger.holds) return void Object.assign(ledger, { epoch: to.epoch, holds: true })
    if (to.keeper && ledger.claimed !== to.epoch) return this.begin('claim', this.claim(to), null)
    if (to.keeper && !this.keep(to)) return
    const missing = to.attachments.find(({ podUid, epoch, readOnly }) => !this.vms.has(rightKey(podUid, epoch)) && (readOnly || to.keeper))
    if (missing) this.attach(missing)
  }

  private detach(key: string, client: Client): void {
    this.store.close(client)
    this.vms.delete(key)
  }
  private sayDetached(): void {
    this.send({ detached: [...this.owed] })
    this.owed.clear()
  }
  private letGo(): void {
    this.ledger.holds = false
    this.removal = false
    if (this.careless !== 'goneEarly') this.send({ gone: true })
  }

  private begin(name: string, steps: (() => void)[], client: Client | null): void {
    this.job = { name, steps, client }
  }
  /** First everybody can read that there is a higher number, then it is seen who is there: who opens it after that looks, and sees the number. Those that were seen are shut out, and no others: whoever comes later may have a higher number. */
  private claim({ epoch, fence }: ModelObject): (() => void)[] {
    const { store, ledger } = this
    const check = () => {
      if (store.noted > epoch && this.careless !== 'noEpoch') throw new Refused('a higher fencing number is known')
    }
    const note = () => (this.careless === 'overwrites' ? store.overwriteNotes(epoch) : store.note(epoch))
    const needsFence = fence !== null && ledger.fencedBelow <= fence
    let seen: readonly Client[] = []
    const list = () => void (seen = store.seen)
    const shutOut = () => {
      if (needsFence && this.careless !== 'noFence' && store.canFence) store.shutOut(this.careless === 'listsLate' ? store.seen : seen, epoch)
    }
    const done = () => void Object.assign(ledger, { claimed: epoch, fencedBelow: needsFence ? epoch : ledger.fencedBelow })
    return this.careless === 'fenceFirst' ? [check, list, shutOut, note, done] : [check, note, list, check, shutOut, done]
  }

  /** What a keeper does though nobody has it. True: there is nothing to do. */
  private keep(to: ModelObject): boolean {
    const { store, ledger } = this
    if (to.purge) {
      if (!this.purged) this.begin('purge', [() => { if (store.noted > to.epoch) throw new Refused('stale'); store.remove(); this.purged = true }], null)
      return false
    }
    if (!store.made) return this.doOpen('make', to.epoch, (client) => [() => store.begin(client), () => store.finish(client)])
    const { revertTo } = to
    const isReverted = ledger.reverted?.to === revertTo && this.isOfNow(ledger.reverted)
    if (revertTo !== null && !isReverted && this.vms.size === 0) return this.doOpen('revert', to.epoch, (client) => [() => { store.rollBack(client, revertTo, this.revertAsked(revertTo)); ledger.reverted = { epoch: to.epoch, to: revertTo } }])
    for (const name of to.snapshots) store.snapshot(name)
    store.size = Math.max(store.size, to.size)
    return true
  }
  /** Under another number somebody may have written since. */
  private isOfNow = ({ epoch }: { epoch: number }): boolean => epoch === this.ledger.epoch || this.careless === 'revertsOnce'
  private doOpen(name: string, epoch: number, steps: (client: Client) => (() => void)[]): false {
    this.openToWrite(name, epoch, (client) => [...steps(client), () => this.store.close(client)])
    return false
  }

  /** Opens it, takes the lock so that it is seen for ever, and looks once more whether somebody else was given it meanwhile: nothing is written before that. */
  private openToWrite(name: string, epoch: number, then: (client: Client) => (() => void)[]): void {
    const client = this.store.open(this.machine, epoch, true)
    const lock = () => void (this.careless !== 'noLock' && this.store.lock(client))
    const look = () => {
      if (this.store.noted > epoch && this.careless !== 'noSecondLook' && this.careless !== 'noEpoch') throw new Refused('a higher fencing number is known')
    }
    this.begin(name, [lock, look, ...then(client)], client)
  }
  private attach({ podUid, epoch, readOnly }: ModelObject['attachments'][number]): void {
    const plug = (client: Client) => () => {
      this.store.plug(client)
      this.vms.set(rightKey(podUid, epoch), client)
    }
    if (!readOnly) return this.openToWrite('attach', epoch, (client) => [plug(client)])
    const client = this.store.open(this.machine, epoch, false)
    if (this.store.made) this.begin('read', [plug(client)], client)
    else this.store.close(client)
  }

  private send(over: Partial<ModelReport>): void {
    if (!this.machine.isHeard) return
    const { ledger, store } = this
    const revertedTo = ledger.reverted && this.isOfNow(ledger.reverted) ? ledger.reverted.to : null
    this.connection.toServer.push({ complete: false, named: true, gone: false, epoch: ledger.epoch, made: store.made, size: store.size, purged: this.purged, revertedTo, fencedBelow: ledger.fencedBelow, snapshots: [...store.snapshots.keys()], attached: [...this.vms.keys()], detached: [], ...over })
  }
  private sayWhatChanged(): void {
    const { ledger, store } = this
    const now = JSON.stringify([ledger, [...this.vms.keys()], store.made, store.size, this.purged, [...store.snapshots.keys()]])
    if (now !== this.said && ledger.holds && this.told) this.send({})
    this.said = now
  }
}
