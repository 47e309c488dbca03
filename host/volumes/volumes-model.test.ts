import fc from 'fast-check'
import { afterEach, expect, it, vi } from 'vitest'
import type { HostVolume } from '@/contracts/host/v1/volumes'
import type { VolumeLedgerEntry } from '@/host/ledger/volumes'
import { GuestRefusal } from '@/host/pods/ports'
import { testAssignment } from '@/host/pods/testing/assignment'
import { FakeClock, settle } from '@/host/pods/testing/fake-clock'
import { VolumeError } from './store'
import { Stores } from './stores'
import { MemoryStore } from './testing/memory-store'
import { MemoryVm } from './testing/memory-vm'
import { VolumeServer } from './testing/volume-server'
import { serialOf } from './open-image'
import { Volumes, type VolumesSettings } from './volumes'

const silent = { warn: () => {}, error: () => {} }
const pods = [testAssignment(), testAssignment()] as const
const pod = fc.constantFrom<0 | 1>(0, 1)
/** What the server says, by its own rules; what happens to VMs and the agent; and time. */
type Happening =
  | { kind: 'give' | 'remove' | 'hear' | 'restart' | 'takeUp' | 'time' | 'connect' }
  | { kind: 'attach' | 'detach' | 'force' | 'start' | 'end'; pod: 0 | 1 }
  | { kind: 'fail'; of: 'plug' | 'unplug' | 'attach' | 'detach' | 'claim' | 'confirmOpen' | 'create' }
const happening: fc.Arbitrary<Happening> = fc.oneof<fc.Arbitrary<Happening>[]>(
  fc.record({ kind: fc.constantFrom('give', 'remove', 'hear', 'restart', 'takeUp', 'time', 'connect') }),
  fc.record({ kind: fc.constantFrom('attach', 'detach', 'force', 'start', 'end'), pod }),
  fc.record({ kind: fc.constant('fail'), of: fc.constantFrom('plug', 'unplug', 'attach', 'detach', 'claim', 'confirmOpen', 'create') }),
)

/** A pod has it. */
const begun: Happening[] = [{ kind: 'give' }, { kind: 'start', pod: 0 }, { kind: 'attach', pod: 0 }]

/** What is on the disk, of whichever agent. */
class MemoryLedger {
  private readonly entries = new Map<string, VolumeLedgerEntry>()
  private all = <K extends VolumeLedgerEntry['kind']>(kind: K) => [...this.entries.values()].filter((one): one is Extract<VolumeLedgerEntry, { kind: K }> => one.kind === kind)
  volumes = () => this.all('volume')
  stores = () => this.all('store')
  volume = (uid: string) => this.volumes().find((one) => one.uid === uid) ?? null
  snapshot = (uid: string) => this.all('snapshot').find((one) => one.uid === uid) ?? null

  async save(one: VolumeLedgerEntry): Promise<void> {
    await new Promise(setImmediate)
    this.entries.set(`${one.kind} ${one.uid}`, one)
  }

  async remove(one: Pick<VolumeLedgerEntry, 'kind' | 'uid'>): Promise<void> {
    await new Promise(setImmediate)
    this.entries.delete(`${one.kind} ${one.uid}`)
  }
}

/** One volume, two pods, and a host whose agent may end at any time. Whatever is not allowed throws as it happens. */
class Model {
  readonly clock = new FakeClock()
  readonly store = new MemoryStore()
  readonly vms = new Map<0 | 1, MemoryVm>()
  readonly server: VolumeServer
  volumes!: Volumes
  volume: HostVolume
  isTold = false
  /** VMs that the agent of now has not taken up. */
  private unknown = new Set<0 | 1>()
  readonly broken: string[] = []

  readonly ledger: MemoryLedger & VolumesSettings['ledger'] = new MemoryLedger()

  constructor() {
    const volumes = () => this.volumes
    this.server = new VolumeServer({ get volumes() { return volumes() } }, pods[0].tenantId)
    this.volume = this.server.volume({ epoch: 0 })
    const claim = this.store.claim.bind(this.store)
    this.store.claim = (uid, epoch) => {
      if (this.ledger.volume(uid)?.epoch !== epoch) this.broken.push('it was claimed under an epoch that is not written down')
      return claim(uid, epoch)
    }
  }

  get serial(): string {
    return serialOf(this.volume.uid)
  }

  open(): void {
    this.unknown = new Set(this.vms.keys())
    this.volumes = new Volumes({ ledger: this.ledger, before: [...this.unknown].map((one) => pods[one].uid), folders: { stores: '/stores', work: '/work', marks: '/marks' }, reach: async () => {}, makeOfArchive: () => Promise.reject(new Error('none')), imageFile: () => Promise.reject(new Error('none')), clock: this.clock, log: silent, tell: () => {} })
    this.volumes.listen({ volumeChanged: (key) => this.check(key), storeChanged: () => {} })
  }

  /** Whatever is reported holds at that moment. */
  private check(key: string): void {
    const report = this.volumes.report(key)
    if (!report) return
    const has = (at: 0 | 1) => this.vms.get(at)?.disks.has(this.serial) === true
    if (report.phase === 'Gone' && (has(0) || has(1) || this.ledger.volume(this.volume.uid)?.object != null)) this.broken.push('it was let go while somebody had it')
    for (const one of report.attachments ?? []) if (one.phase === 'Detached' && has(pods[0].uid === one.podUid ? 0 : 1)) this.broken.push('it was detached while its pod had it')
  }

  private start(at: 0 | 1): void {
    if (this.vms.has(at)) return
    const vm = new MemoryVm()
    this.vms.set(at, vm)
    vm.plugging = ({ serial, readOnly }) => {
      const entry = this.ledger.volume(this.volume.uid)
      if (readOnly || serial !== this.serial) return Promise.resolve()
      if (!entry?.holds.some(({ podUid }) => podUid === pods[at].uid)) this.broken.push('a pod got it that is not written down')
      if (this.store.volumes.get(this.volume.uid)?.epoch !== entry?.epoch) this.broken.push('it was opened under another epoch than it was claimed')
      if (this.vms.get(at === 0 ? 1 : 0)?.disks.has(serial)) this.broken.push('two pods have it')
      return Promise.resolve()
    }
    void vm.machine.exited.then(() => {
      if (this.vms.get(at) === vm) this.vms.delete(at)
    })
    this.volumes.pods.up(pods[at].uid, vm.machine, vm.guest, false)
  }

  /** It was answered, or an agent that was started since does not name it. */
  private get isGone(): boolean {
    return (this.server.report('volume', this.volume.uid)?.phase ?? 'Gone') === 'Gone'
  }

  private attachmentOf(at: 0 | 1) {
    return this.server.attachment(this.volume, pods[at])
  }

  private say(change: Partial<HostVolume>): void {
    this.volume = { ...this.volume, ...change }
    this.server.say(this.volume)
  }

  async happen(one: Happening): Promise<void> {
    if (one.kind === 'time') await this.clock.advance(31_000)
    else if (one.kind === 'start') this.start(one.pod)
    else if (one.kind === 'end') this.vms.get(one.pod)?.end()
    else if (one.kind === 'connect') this.server.connect()
    else if (one.kind === 'fail') this.fail(one.of)
    else if (one.kind === 'restart') {
      await this.volumes.close()
      this.open()
    } else if (one.kind === 'takeUp') this.takeUp()
    else if (one.kind === 'remove') this.remove()
    else if (one.kind === 'give') this.give()
    else if (one.kind === 'hear') this.hear()
    else if ('pod' in one && this.isTold) this.right(one.kind, one.pod)
    await settle()
  }

  private right(kind: Extract<Happening, { pod: unknown }>['kind'], at: 0 | 1): void {
    const { attachments, detaching, epoch } = this.volume
    if (kind === 'attach' && attachments.length === 0 && detaching.length === 0) {
      this.say({ epoch: epoch + 1 })
      this.volume = this.server.attached(this.volume, pods[at], 'data', { epoch: epoch + 1 })
      this.server.say(this.volume)
    }
    if (kind !== 'attach' && attachments.length > 0) this.say({ attachments: [], detaching: [{ podUid: attachments[0]?.podUid ?? '', forced: kind === 'force' }] })
  }

  private fail(of: string): void {
    if (['claim', 'confirmOpen', 'create'].includes(of)) this.store.failures.set(of, new VolumeError('Unreachable', 'x', 'it does not answer'))
    else for (const vm of this.vms.values()) vm.failures.set(of, new GuestRefusal('Busy', 'it is in use', 'data'))
  }

  mend(): void {
    this.store.failures.clear()
    for (const vm of this.vms.values()) vm.failures.clear()
  }

  /** As the pods' workers do: whose VM is there is taken up, and of every other it is said that it is gone. */
  takeUp(): void {
    for (const at of [0, 1] as const) {
      const vm = this.vms.get(at)
      if (vm && this.unknown.has(at)) this.volumes.pods.up(pods[at].uid, vm.machine, vm.guest, true)
      else if (!vm) this.volumes.pods.ended(pods[at].uid)
    }
    this.unknown.clear()
  }

  private remove(): void {
    if (!this.isTold) return
    this.isTold = false
    this.server.unsay(`volume/${this.volume.uid}`)
  }

  private give(): void {
    if (this.isTold || !this.isGone) return
    this.isTold = true
    this.say({ epoch: this.volume.epoch + 1, attachments: [], detaching: [], made: this.store.volumes.has(this.volume.uid) })
  }

  /** The server has heard that it is detached. */
  private hear(): void {
    const { detaching } = this.volume
    const at = detaching[0]?.podUid === pods[0].uid ? 0 : 1
    if (this.isTold && detaching.length > 0 && this.attachmentOf(at)?.phase === 'Detached') this.say({ detaching: [] })
  }

  isAsWanted(): boolean {
    const named = this.volume.attachments[0]?.podUid
    for (const at of [0, 1] as const) {
      const shall = this.isTold && named === pods[at].uid && this.vms.has(at)
      if ((this.vms.get(at)?.disks.has(this.serial) ?? false) !== shall) return false
    }
    const report = this.server.report('volume', this.volume.uid)
    return this.isTold ? report?.phase === 'Ready' : this.isGone
  }
}

afterEach(() => vi.restoreAllMocks())

it('a host has a volume open for whom it is written down, under the epoch that it claimed, for one pod, and says nothing that is not so; once all is quiet it is where it shall be', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { maxLength: 40, size: 'max' }), async (happenings) => {
      const model = new Model()
      vi.spyOn(Stores.prototype, 'get').mockImplementation(() => model.store)
      try {
        model.open()
        for (const one of [...begun, ...happenings]) {
          await model.happen(one)
          expect(model.broken).toEqual([])
        }
        model.mend()
        await vi.waitFor(async () => {
          model.takeUp()
          model.server.connect()
          await model.clock.advance(31_000)
          expect([model.broken, model.isAsWanted() || JSON.stringify([model.volume, [...model.volumes.reports().values()], [...model.vms].map(([at, vm]) => [at, vm.calls, [...vm.disks]])])]).toEqual([[], true])
        }, { timeout: 20_000, interval: 1 })
      } finally {
        await model.volumes.close()
      }
    }),
    { numRuns: 400, endOnFailure: true },
  )
}, 120_000)

