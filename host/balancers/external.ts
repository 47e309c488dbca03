import type { CertificatesMessage, ExternalMessage, ExternalObject, ExternalReport } from '@/contracts/host/v1/external'
import { externalObjectKey, maxReportedAddresses } from '@/contracts/host/v1/external'
import type { FloatingAddresses } from '@/host/external/floating-addresses'
import type { HeldAddresses } from '@/host/external/held-addresses'
import { groupOf, type ExternalObjects } from '@/host/ledger/external-objects'
import type { Logger } from '@/platform/logger'
import type { Balancers } from './balancers'
import { UnwrittenLosses, type Loss } from './unwritten-losses'

export type ExternalParts = { kept: Pick<ExternalObjects, 'all' | 'put' | 'written'>; balancers: Pick<Balancers, 'take' | 'takeCertificates' | 'begin' | 'reports' | 'report'>; addresses: Pick<FloatingAddresses, 'apply' | 'answer' | 'reports' | 'report'>; log: Pick<Logger, 'error'>; /** Whether this host may still answer for what it may answer for so many seconds without hearing of the server; without it: always. */ holds?: (until: number | null) => boolean; /** Whether all that is on the bridge ends by itself; without it: never. */ endsByItself?: () => boolean; /** Which addresses balancers may answer for in the kernel; without it that is not said. */ held?: Pick<HeldAddresses, 'of'>; /** What a report of this key says is less than before. */ onLess?: (key: string) => void }

/** How a report of the outside is called among those of a host. */
export const externalReportKey = ({ kind, uid }: Pick<ExternalReport, 'kind' | 'uid'>): string => `${kind}/${uid}`

/** What the server says of the outside, on its way to the bridge, the balancers and the disk. */
export class External {
  private readonly objects = new Map<string, ExternalObject>()
  /** Parts of a message that is not whole yet. */
  private begun: ExternalMessage | null = null
  private isKnown = false
  /** Pods' addresses that this host let go when the server was not heard of: another may answer for them, until all is said anew. */
  private readonly letGo = new Set<string>()
  private mustHear = false
  private isEnding = false
  private wasBounded: boolean
  /** Whether the disk knows of nothing any more that has no end. */
  private isBoundedOnDisk = true
  private turns = 0
  private readonly unwritten = new UnwrittenLosses()
  /** Messages of this connection of which all is carried out or under way. */
  private taken = 0
  /** Those of a message that is not whole yet. */
  private pending = 0
  constructor(private readonly parts: ExternalParts) {
    for (const object of parts.kept.all()) this.objects.set(externalObjectKey(object), object)
    this.wasBounded = this.isBounded
    if (!this.checkLease()) this.applyAddresses()
  }

  /** Whether the server shall say all of it again. */
  get mustHearAll(): boolean {
    return this.mustHear
  }

  /**
   * The agent ends: from now on nothing of what the server says is carried out, nor kept. It goes on saying how the endpoints change of which the pods are being stopped, and what is brought up
   * for that would be left behind. The next agent is told all of it.
   */
  end(): void {
    this.isEnding = true
  }

  /** Lets go of pods' addresses for which this host may answer no more. Whether there were any. */
  checkLease(): boolean {
    if (this.isEnding) return false
    const { holds = () => true } = this.parts
    const over = [...this.objects.values()].filter((one) => one.kind === 'floatingAddress' && !this.letGo.has(one.uid) && !holds(one.until ?? null))
    for (const one of over) if (one.kind === 'floatingAddress') this.letGo.add(one.uid)
    this.mustHear ||= over.length > 0
    if (over.length > 0) this.applyAddresses()
    return over.length > 0
  }

  /** Another connection begins: half of what the one before said is none, and changes come after all of it. */
  begin(): void {
    this.begun = null
    this.isKnown = false
    this.mustHear = false
    this.taken = 0
    this.pending = 0
    this.parts.balancers.begin()
  }

  /** Throws for changes before all was said. */
  take({ more, ...message }: ExternalMessage): void {
    if (this.isEnding) return
    const whole = this.begun ? { ...this.begun, set: [...this.begun.set, ...message.set], remove: [...this.begun.remove, ...message.remove] } : message
    this.begun = more ? whole : null
    this.pending += 1
    if (more) return
    const losses = this.lossesBy(whole)
    this.carryOut(whole)
    this.taken += this.pending
    this.pending = 0
    if (losses.length > 0) void this.unwritten.add(losses, this.parts.kept.written(losses.map(({ key }) => groupOfKey(key)))).then((keys) => keys.forEach((key) => this.parts.onLess?.(key)))
    for (const { key, isWhole } of losses) if (!isWhole) this.parts.onLess?.(key)
  }

  /** Balancers that lose some of their addresses, and what is to be here no more. */
  private lossesBy(message: ExternalMessage): Loss[] {
    const less = message.set.flatMap((object): Loss[] => {
      const key = externalObjectKey(object)
      const before = object.kind === 'balancer' ? this.objects.get(key) : undefined
      const addresses = object.kind === 'balancer' && before?.kind === 'balancer' ? before.addresses.filter((one) => !object.addresses.includes(one)) : []
      return addresses.length > 0 ? [{ key, addresses, isWhole: false }] : []
    })
    const gone = this.goneBy(message).flatMap((key): Loss[] => {
      const object = this.objects.get(key)
      return object?.kind === 'balancer' || object?.kind === 'floatingAddress' ? [{ key, addresses: object.kind === 'balancer' ? object.addresses : [], isWhole: true }] : []
    })
    return [...less, ...gone]
  }

  /** The keys of all that is to be here no more. */
  private goneBy({ complete, set, remove }: ExternalMessage): string[] {
    if (!complete) return remove
    const now = new Set(set.map(externalObjectKey))
    return [...this.objects.keys()].filter((key) => !now.has(key))
  }

  /**
   * How many messages of this connection are carried out, where all that this host answers for ends by itself once it does not hear of the server, also without an agent: another may have it
   * then. Null: something may be answered for longer, or was not carried out yet.
   */
  leased(): number | null {
    return this.isBounded && this.isBoundedOnDisk && (this.parts.endsByItself?.() ?? false) ? this.taken : null
  }

  private get isBounded(): boolean {
    return [...this.objects.values()].every((one) => (one.kind !== 'balancer' && one.kind !== 'floatingAddress') || typeof one.until === 'number')
  }

  private noteBounds(): void {
    const { isBounded, wasBounded } = this
    if (isBounded === wasBounded) return
    this.wasBounded = isBounded
    this.isBoundedOnDisk = false
    const turn = (this.turns += 1)
    if (isBounded) void this.parts.kept.written().then(() => (this.isBoundedOnDisk ||= turn === this.turns))
  }

  takeCertificates(message: CertificatesMessage): void {
    if (!this.isEnding) this.parts.balancers.takeCertificates(message)
  }

  /** By {@link externalReportKey}. */
  reports(): Map<string, ExternalReport> {
    return new Map([...this.parts.addresses.reports(), ...this.parts.balancers.reports()].map((report) => this.withAddresses(this.goesUnwritten(report) ? leaving(report) : report)).map((report) => [externalReportKey(report), report]))
  }

  /** The networks that balancers of this host are in. */
  networks(): string[] {
    return [...new Set([...this.objects.values()].flatMap((one) => (one.kind === 'balancer' ? [one.networkId] : [])))]
  }

  /** By {@link externalReportKey}. The answer to a removal comes once an agent that began now would know of it. */
  report(key: string): ExternalReport | null {
    const [kind, uid = ''] = key.split('/')
    const report = kind === 'balancer' ? this.parts.balancers.report(uid) : this.parts.addresses.report(uid)
    return report && !this.goesUnwritten(report) ? this.withAddresses(report) : null
  }

  private goesUnwritten(report: ExternalReport): boolean {
    return report.phase === 'Gone' && this.unwritten.isWhole(externalReportKey(report))
  }

  /** What a balancer is to have, and what it holds still, or did when what the disk has was written. */
  private withAddresses(report: ExternalReport): ExternalReport {
    const held = report.phase === 'Gone' || report.kind !== 'balancer' ? null : this.parts.held?.of(report.uid) ?? null
    const key = externalReportKey(report)
    const told = this.objects.get(key)
    const addresses = held && [...new Set([...held, ...(told?.kind === 'balancer' ? told.addresses : []), ...this.unwritten.of(key)])]
    return addresses && addresses.length <= maxReportedAddresses ? { ...report, addresses, taken: this.taken } : report
  }

  private carryOut(message: ExternalMessage): void {
    const { complete, set } = message
    if (!complete && !this.isKnown) throw new Error('changes of what this host answers for on the outside came before all of it')
    this.isKnown = true
    const touched = new Set(set.map(groupOf))
    if (complete && this.letGo.size > 0) {
      this.letGo.clear()
      touched.add('addresses')
    }
    for (const key of this.goneBy(message)) {
      const object = this.objects.get(key)
      if (!object) {
        this.answer(key)
        continue
      }
      touched.add(groupOf(object))
      this.objects.delete(key)
    }
    for (const object of set) this.objects.set(externalObjectKey(object), object)
    const groups = new Map([...touched].map((group) => [group, [] as ExternalObject[]]))
    for (const object of this.objects.values()) groups.get(groupOf(object))?.push(object)
    // Pools first: a balancer's addresses are of them.
    if (touched.has('addresses')) this.applyAddresses()
    for (const [group, objects] of groups) {
      this.parts.kept.put(group, objects)
      if (group !== 'addresses') this.parts.balancers.take(group, objects)
    }
    this.noteBounds()
  }

  /** A removal of what is not here is answered, too. */
  private answer(key: string): void {
    const [kind, uid = ''] = key.split('/')
    if (kind === 'balancer') this.parts.balancers.take(uid, [])
    if (kind === 'floatingAddress') this.parts.addresses.answer(uid)
  }

  private applyAddresses(): void {
    const all = [...this.objects.values()]
    this.parts.addresses.apply(all.filter((one) => one.kind === 'addressPool'), all.filter((one) => one.kind === 'floatingAddress').filter(({ uid }) => !this.letGo.has(uid)))
  }
}

/** What went, while the disk says that it is here. */
const leaving = ({ kind, uid }: ExternalReport): ExternalReport => ({ kind, uid, phase: 'Failed', reason: 'Leaving', message: 'This host does not answer for it any more and writes that down: before that its agent would, were it killed and begun anew.' })

/** The group of a balancer or of a pod's address, by its key. */
const groupOfKey = (key: string): string => (key.startsWith('balancer/') ? key.slice('balancer/'.length) : 'addresses')
