import { externalObjectKey, type ExternalMessage, type ExternalObject, type ExternalReport } from '@/contracts/host/v1/external'
import { HeldExternal } from '@/server/gateway/held-external'
import { LeaseSent } from '@/server/gateway/lease-told'
import { ToldExternal } from '@/server/gateway/told-external'

type Unwanted = { addresses: { uid: string; address: string }[]; balancers: string[] }
/** `scope`: the uids of what was read; null: everything. */
type Reading = { scope: ReadonlySet<string> | null; leaving: ReadonlySet<string>; objects: ExternalObject[]; unwanted: Unwanted; others: boolean }
/** A row as far as changes of it wake a host's gateway, and the balancer that an address is said with. */
export type Row = { hostId: string | null; with: string | null; text: string }
/** `kernel`: what is answered for now; it becomes `addresses`, those that were told last. */
type Has = { addresses: readonly string[]; kernel: readonly string[]; until: number | null }

/** What a gateway has of one connection, and what is under way on it. */
class Connection {
  readonly held = new HeldExternal()
  readonly told = new ToldExternal()
  readonly toHost: ExternalMessage[] = []
  readonly toServer: { complete: boolean; reports: ExternalReport[] }[] = []
  readonly lease = new LeaseSent()
  /** Heartbeats under way, and how many messages the host took. */
  readonly beats: (number | undefined)[] = []
  taken = 0
  /** How many messages of the outside were sent. */
  sent = 0
  reading: Reading | null = null
  /** The rows at the last look, of which changes wake the gateway; null: it has not looked yet. What changed since and was not read, by uid. */
  seen: ReadonlyMap<string, Row> | null = null
  readonly changed = new Set<string>()
  /** Pods of which the host was told, and addresses of those that it was not told of yet, by uid. */
  readonly pods = new Set<string>()
  awaited: ReadonlySet<string> = new Set()
  /** Every address that was told. */
  readonly everTold = new Set<string>()
  /** The host let go of something since the last look. */
  settled = false
  /** Whether another host could take over, as it was told. */
  others: boolean | null = null
  free: { addresses: string[]; balancers: string[] } | null = null
}

/** A host that does what the contract says. */
export class ModelHost {
  connection = new Connection()
  private readonly has = new Map<string, Has>()
  /** Pods are told to it late: an address is, after its pod. */
  slowPods = false
  partitioned = false
  /** It has not heard of the server, nor the server of it, for longer than the time that it may have been told. */
  leaseOver = false
  calledLost = false
  /** What its row says: it knows that it may answer for nothing for ever. */
  leaseTold = false
  constructor(readonly id: string, /** Whether its agent, as its last hello said, knows of the outside. */ public capable: boolean, /** Whether it says of balancers which addresses they hold; one that does not does at once what it is told. */ private says: boolean) {
    this.name()
  }

  /** The addresses that it answers for now. */
  get answering(): string[] {
    return [...this.has.values()].filter(({ until }) => !this.leaseOver || until === null).flatMap(({ kernel }) => kernel)
  }

  take(): void {
    if (this.partitioned) return
    const message = this.connection.toHost.shift()
    if (!message) return
    const set = new Map(message.set.filter((object) => isAnswering(externalObjectKey(object))).map((object) => [externalObjectKey(object), object]))
    const gone = (message.complete ? [...this.has.keys()].filter((key) => !set.has(key)) : message.remove).filter(isAnswering)
    for (const key of gone) this.has.delete(key)
    const less = [...set].filter(([key, object]) => this.has.get(key)?.addresses.some((one) => !addressesOf(object).includes(one))).map(([key]) => key)
    for (const [key, object] of set) this.has.set(key, { addresses: addressesOf(object), kernel: this.has.get(key)?.kernel ?? [], until: 'until' in object ? object.until ?? null : null })
    this.connection.taken += 1
    this.tell([...gone.map((key) => reportOf(key, 'Gone')), ...(this.says ? less : []).map((key) => this.reportOf(key))])
    if (!this.says) this.work()
  }

  /** Brings its kernel to what it was told: nothing comes to where it shall be before it has left where it was. */
  work(): void {
    const keys = [...this.has].filter(([, { addresses, kernel }]) => addresses.join() !== kernel.join()).map(([key]) => key)
    for (const one of this.has.values()) one.kernel = one.kernel.filter((address) => one.addresses.includes(address))
    for (const one of this.has.values()) one.kernel = one.addresses.filter((address) => one.kernel.includes(address) || ![...this.has.values()].some(({ kernel }) => kernel.includes(address)))
    this.tell(keys.map((key) => this.reportOf(key)))
  }

  beat(): void {
    if (this.partitioned) return
    const isBounded = [...this.has.values()].every(({ until }) => until !== null)
    this.connection.beats.push(this.capable && isBounded ? this.connection.taken : undefined)
  }

  disconnect(): void {
    if (this.partitioned) return
    this.connection = new Connection()
    this.name()
  }

  /** Its agent is replaced by one that knows of the outside, or by one that does not: what is in the kernel stays. */
  changeAgent(): void {
    if (this.partitioned) return
    this.capable = !this.capable
    this.says ||= this.capable
    this.disconnect()
  }

  /** After its time is over it hangs up, and has of what has a time only what it is told on a new connection. */
  heal(): void {
    this.partitioned = false
    this.calledLost = false
    if (!this.leaseOver) return
    this.leaseOver = false
    for (const [key, { until }] of this.has) if (until !== null) this.has.delete(key)
    this.disconnect()
  }

  /** The first report of a connection. */
  private name(): void {
    if (this.capable) this.connection.toServer.push({ complete: true, reports: [...this.has.keys()].map((key) => this.reportOf(key)) })
  }

  private tell(reports: readonly ExternalReport[]): void {
    if (this.capable && !this.partitioned && reports.length > 0) this.connection.toServer.push({ complete: false, reports: [...reports] })
  }

  private reportOf(key: string): ExternalReport {
    const one = this.has.get(key)
    return reportOf(key, 'Active', this.says && one && key.startsWith('balancer/') ? { addresses: [...new Set([...one.addresses, ...one.kernel])], taken: this.connection.taken } : {})
  }
}

export function reportOf(key: string, phase: 'Active' | 'Gone', holds: Pick<ExternalReport, 'addresses' | 'taken'> = {}): ExternalReport {
  const [kind, uid = ''] = key.split('/')
  return { kind: kind === 'balancer' ? 'balancer' : 'floatingAddress', uid, phase, reason: '', message: '', ...holds }
}

const isAnswering = (key: string) => key.startsWith('balancer/') || key.startsWith('floatingAddress/')

const addressesOf = (object: ExternalObject): readonly string[] => (object.kind === 'balancer' ? object.addresses : object.kind === 'floatingAddress' ? [object.address] : [])
