import type { DesiredMessage } from '@/contracts/host/v1'
import type { HostBalancer } from '@/contracts/host/v1/external'
import type { KeyRing } from '@/platform/crypto/key-ring'
import type { Logger } from '@/platform/logger'
import { backendServers, toExternalObjects } from '@/server/drivers/native/external/objects'
import { inSnapshot, type DatabaseClient } from '@/server/store/database'
import { readHostBackends, readHostExternal, type Unwanted } from '@/server/store/external-state'
import { SentCertificates, type CertificateNames } from './certificates'
import { releaseExternal } from './external-release'
import { asChosen } from './held-external'
import { LeftOutServers } from './left-out-servers'
import type { HostSession, HostSessions } from './host-sessions'
import { ToldExternal } from './told-external'
import type { Misshapen } from './told-objects'
import { ToldServers } from './told-servers'

type Parts = { db: DatabaseClient; keyRing: KeyRing; log: Logger; sessions: HostSessions }

/** What could not be read or said is tried again after so long. */
const retryMs = 5_000
/** What cannot be released since its tenant's is being worked on is tried again after so long, and at most this long. */
const busyMs = { first: 100, most: 2_000 }

const namesOf = ({ tenantId, listeners }: HostBalancer): CertificateNames => ({ tenantId, listeners: listeners.map(({ certificates }) => ({ certificates })) })

/** What one connection of a host is told of the outside, in turns: one at a time, each of what is so now. */
export class ExternalStream {
  private readonly told = new ToldExternal()
  private readonly certificates = new SentCertificates()
  private readonly leftOutServers = new LeftOutServers()
  private readonly servers = new ToldServers()
  /** What its balancers name of certificates, by their uids. */
  private readonly named = new Map<string, CertificateNames>()
  /** Addresses that lead to pods of which the host is not told yet, by uid. */
  private awaited: ReadonlySet<string> = new Set()
  private retry: NodeJS.Timeout | null = null
  private busyRetry: NodeJS.Timeout | null = null
  private busyMs = busyMs.first

  constructor(
    private readonly parts: Parts,
    private readonly session: HostSession,
  ) {}

  /**
   * The messages that there are for the host now, and afterwards what it holds no more is said to be free. Nothing before the host has named what it answers for.
   * @param wasSent whether the host was told of the pod: an address comes after its pod
   */
  async *messages(wasSent: (podUid: string) => boolean): AsyncGenerator<DesiredMessage> {
    const { session } = this
    if (!session.takesExternal || !session.held.isReady) return
    const { whole, objects, settled, servers } = session.externalWakes.take()
    const scope = whole ? null : new Set([...(objects ?? []), ...(settled ? session.held.waiting() : []), ...this.awaited])
    try {
      if (scope === null) yield* this.tell(wasSent, null)
      else {
        if (objects !== null || settled || scope.size > 0) yield* this.tell(wasSent, scope)
        yield* this.tellServers([...servers].filter((uid) => !scope.has(uid)))
      }
    } catch (err) {
      this.parts.log.error({ err, hostId: session.hostId }, 'what a host answers for on the outside could not be said: it keeps what it was told; it is tried again')
      session.externalWakes.noteWhole()
      this.retry ??= setTimeout(() => {
        this.retry = null
        session.wakeExternal()
      }, retryMs).unref()
    }
  }

  /**
   * All that is so now, or what is so of some balancers and addresses, by uid. What stands in everything, whether another host could take over, makes it all anew; so does an address to let go
   * of that any balancer may have still.
   */
  private async *tell(wasSent: (podUid: string) => boolean, scope: ReadonlySet<string> | null): AsyncGenerator<DesiredMessage> {
    const { session, parts } = this
    if (scope === null) session.externalWakes.beginOthers()
    const leaving = session.held.leaving()
    const { state, unwanted } = await inSnapshot(parts.db, (tx) => readHostExternal(tx, session.hostId, parts.sessions.compiledCache, scope === null ? null : [...scope]))
    if (scope !== null && (!session.externalWakes.wasToldOthers(state.others) || session.held.needsWhole(unwanted.addresses.length > 0))) return yield* this.tell(wasSent, null)
    const only = (key: string) => scope === null || key.startsWith('addressPool/') || scope.has(key.split('/')[1] ?? '')
    const floating = state.floating.filter(({ podUid }) => wasSent(podUid))
    // Its pod's assignment is on its way: it is looked for again with the next wake.
    const awaited = state.floating.filter(({ podUid }) => !wasSent(podUid)).map(({ uid }) => uid)
    this.awaited = new Set([...[...this.awaited].filter((uid) => scope !== null && !scope.has(uid)), ...awaited])
    const { objects, leftOut } = toExternalObjects({ ...state, floating }, this.servers.elsewhere(scope))
    for (const uid of this.servers.note(scope, state.balancers, objects.flatMap((object) => (object.kind === 'backendServers' ? [object] : [])), leftOut)) session.wakeBalancer(uid)
    const { prepared, misshapen } = this.told.prepare(objects)
    if (scope === null) this.named.clear()
    for (const uid of scope ?? []) this.named.delete(uid)
    for (const { object } of prepared) if (object.kind === 'balancer') this.named.set(object.uid, namesOf(object))
    // Read before anything counts as held by the host: where it fails, nothing was said, and nothing is to be let go of.
    const certificates = await this.certificates.messages(parts, [...this.named.values()])
    // Before a word of it: who may answer for ever is waited for, whatever becomes of the connection.
    await session.lease.begins(parts.db, session.hostId, state.others)
    const answering = prepared.flatMap(({ object }) => (object.kind === 'floatingAddress' || object.kind === 'balancer' ? [object] : []))
    const chosen = session.held.choose(answering, leaving, unwanted.addresses.length > 0, only)
    const kept = this.told.narrow(prepared, (object) => asChosen(object, chosen))
    yield* certificates
    yield* this.counted(this.told.messages(kept, only))
    if (scope === null) {
      session.lease.ends(state.others)
      if (session.externalWakes.endOthers(state.others)) session.wakeExternal()
    }
    this.warn(misshapen, leftOut)
    await this.leftOutServers.tell(parts, state.balancers, leftOut)
    await this.release(unwanted)
  }

  private *counted(messages: readonly DesiredMessage[]): Generator<DesiredMessage> {
    for (const message of messages) {
      this.session.lease.wasSent()
      this.session.held.wasSent()
      yield message
    }
  }

  /** Who takes connections of some balancers, and nothing else. */
  private async *tellServers(uids: readonly string[]): AsyncGenerator<DesiredMessage> {
    const { session, parts } = this
    const known = uids.filter((uid) => this.told.has(`balancer/${uid}`) && !session.held.isLeaving(`balancer/${uid}`))
    if (known.length === 0) return
    const { balancers, ...state } = await inSnapshot(parts.db, (tx) => readHostBackends(tx, session.hostId, parts.sessions.compiledCache, known))
    const read = new Set(known)
    const { servers, leftOut } = backendServers(state, balancers, this.servers.elsewhere(read))
    for (const uid of this.servers.note(read, balancers, servers, leftOut)) session.wakeBalancer(uid)
    const { prepared, misshapen } = this.told.prepare(servers)
    const prefixes = balancers.map(({ uid }) => `backendServers/${uid}/`)
    yield* this.counted(this.told.messages(prepared, (key) => prefixes.some((prefix) => key.startsWith(prefix))))
    this.warn(misshapen, leftOut)
    await this.leftOutServers.tell(parts, balancers, leftOut)
  }

  /** What its rows say that it shall not have here, and what it does not hold: another host may. */
  private async release(unwanted: Unwanted): Promise<void> {
    const { left } = await releaseExternal(this.parts, this.session, unwanted)
    if (!left) {
      this.busyMs = busyMs.first
      return
    }
    if (this.busyRetry !== null) return
    this.busyRetry = setTimeout(() => {
      this.busyRetry = null
      this.session.wakeObjects([])
    }, this.busyMs).unref()
    this.busyMs = Math.min(this.busyMs * 2, busyMs.most)
  }

  private warn(misshapen: readonly Misshapen[], leftOut: readonly { balancerUid: string; servers: number }[]): void {
    const { log } = this.parts
    for (const { key, problem } of misshapen) log.error({ hostId: this.session.hostId, object: key, problem }, 'an object of the outside is not as agreed with hosts: they are not told of it')
    for (const { balancerUid, servers } of leftOut) log.warn({ balancer: balancerUid, servers }, 'a balancer, or those of a tenant on one host, have more servers than hosts are told: the rest gets no connections')
  }
}
