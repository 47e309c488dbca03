import { externalObjectKey, type ExternalMessage, type ExternalObject, type ExternalReport } from '@/contracts/host/v1/external'
import { HeldExternal } from '@/server/gateway/held-external'
import { LeaseSent } from '@/server/gateway/lease-told'
import { ToldExternal, type Prepared } from '@/server/gateway/told-external'

type Unwanted = { addresses: { uid: string; address: string }[]; balancers: string[] }
/** `scope`: the uids of what was read; null: everything. */
type Reading = { scope: ReadonlySet<string> | null; leaving: ReadonlySet<string>; objects: Prepared[]; unwanted: Unwanted; others: boolean }
/** A row as far as changes of it wake a host's gateway, and the balancer that an address is said with. */
export type Row = { hostId: string | null; with: string | null; text: string }
type Has = { addresses: readonly string[]; until: number | null }

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
  reading: Reading | null = null
  /** The rows at the last look, of which changes wake the gateway; null: it has not looked yet. What changed since and was not read, by uid. */
  seen: ReadonlyMap<string, Row> | null = null
  readonly changed = new Set<string>()
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
  partitioned = false
  /** It has not heard of the server, nor the server of it, for longer than the time that it may have been told. */
  leaseOver = false
  calledLost = false
  /** What its row says: it knows that it may answer for nothing for ever. */
  leaseTold = false
  constructor(readonly id: string, /** Whether its agent, as its last hello said, knows of the outside. */ public capable: boolean) {
    this.name()
  }

  /** The addresses that it answers for now. */
  get answering(): string[] {
    return [...this.has.values()].filter(({ until }) => !this.leaseOver || until === null).flatMap(({ addresses }) => addresses)
  }

  take(): void {
    if (this.partitioned) return
    const message = this.connection.toHost.shift()
    if (!message) return
    const set = new Map(message.set.map((object) => [externalObjectKey(object), object]))
    const gone = (message.complete ? [...this.has.keys()].filter((key) => !set.has(key)) : message.remove).filter(isAnswering)
    for (const key of gone) this.has.delete(key)
    for (const [key, object] of set) if (isAnswering(key)) this.has.set(key, hasOf(object))
    this.connection.taken += 1
    const reports = [...gone.map((key) => reportOf(key, 'Gone')), ...[...set.keys()].filter(isAnswering).map((key) => reportOf(key, 'Active'))]
    if (reports.length > 0) this.connection.toServer.push({ complete: false, reports })
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
    if (this.capable) this.connection.toServer.push({ complete: true, reports: [...this.has.keys()].map((key) => reportOf(key, 'Active')) })
  }
}

function reportOf(key: string, phase: 'Active' | 'Gone'): ExternalReport {
  const [kind, uid = ''] = key.split('/')
  return { kind: kind === 'balancer' ? 'balancer' : 'floatingAddress', uid, phase, reason: '', message: '' }
}

const isAnswering = (key: string) => key.startsWith('balancer/') || key.startsWith('floatingAddress/')

function hasOf(object: ExternalObject): Has {
  if (object.kind === 'balancer') return { addresses: object.addresses, until: object.until }
  return object.kind === 'floatingAddress' ? { addresses: [object.address], until: object.until ?? null } : { addresses: [], until: null }
}
