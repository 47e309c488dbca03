import type { Assignment } from '@/contracts/host/v1'
import type { NetworkMessage } from '@/contracts/host/v1/networks'
import type { NetworkState } from '@/domain/network/state'
import type { Logger } from '@/platform/logger'
import { listAssignments, listReported } from '@/server/store/assignments'
import { inSnapshot, type DatabaseClient, type Transaction } from '@/server/store/database'
import { readNetworkState } from '@/server/store/network-state'
import type { HostSession, HostSessions } from './host-sessions'
import { leftOutMessage } from './left-out'
import type { ToldNetworks } from './network-objects'

export type Changes = { listed: Assignment[] | null; messages: NetworkMessage[]; leftOut: Map<string, string | null> }
type Woken = ReturnType<HostSession['takeChanges']>
type Read = { listed: Assignment[] | null; here: ReadonlySet<string>; states: NetworkState[]; unread: Map<string, unknown> }

/** A network that could not be read or said is tried again after so long. */
const retryMs = 5_000

class Unreadable extends Error {
  constructor(
    readonly networkId: string,
    readonly of: unknown,
  ) {
    super('a network could not be read')
  }
}

/**
 * The assignments, unless networks alone have changed, and what their networks hold as far as the host does not know it, both of one
 * time: with a change of rules, the host of a pod that was there before gets it as soon as that of one that comes. A network that cannot
 * be read or said costs the pods that would begin in it, and nobody else: those that run stay, with what the host was told last.
 */
export async function readChanges(db: DatabaseClient, session: HostSession, told: ToldNetworks, { networkCache }: HostSessions, log: Logger): Promise<Changes> {
  const changed = session.takeChanges()
  const read = await readAround(db, session, told, changed, networkCache)
  if (read.listed) told.begin(read.listed)
  told.keep(read.here)
  const messages: NetworkMessage[] = []
  const leftOut = new Map<string, string | null>()
  for (const state of read.states) {
    const { uid } = state.network
    try {
      const made = told.messages(state)
      messages.push(...made.messages)
      const now = leftOutMessage(state, made.leftOut)
      if (told.leftOut.get(uid) !== now) leftOut.set(uid, now)
      told.leftOut.set(uid, now)
      for (const { key, problem } of made.misshapen) log.error({ network: uid, object: key, problem }, 'an object of a network is not as agreed with hosts: they are not told of it, or that it lets nothing through')
    } catch (error) {
      read.unread.set(uid, error)
    }
  }
  told.unsaid(new Set(read.unread.keys()))
  for (const [networkId, err] of read.unread) log.error({ err, network: networkId, hostId: session.hostId }, 'what a network holds could not be said: its hosts keep what they were told, and no further pods begin there; it is tried again')
  if (read.unread.size > 0) session.wakeLater(retryMs)
  const listed = read.listed && (await withoutNewcomers(db, session.hostId, read.listed, told))
  if (listed) told.sent(listed)
  return { listed, messages, leftOut }
}

/** Reads anew without each network that the database cannot give: one statement that fails ends its transaction. */
async function readAround(db: DatabaseClient, session: HostSession, told: ToldNetworks, changed: Woken, cache: HostSessions['networkCache']): Promise<Read> {
  const unread = new Map<string, unknown>()
  for (;;) {
    try {
      return await inSnapshot(db, (tx) => readAll(tx, session, told, changed, cache, unread))
    } catch (error) {
      if (!(error instanceof Unreadable) || unread.has(error.networkId)) throw error
      unread.set(error.networkId, error.of)
    }
  }
}

async function readAll(tx: Transaction, { hostId, takesNetworks }: HostSession, told: ToldNetworks, changed: Woken, cache: HostSessions['networkCache'], unread: Map<string, unknown>): Promise<Read> {
  const listed = changed.desired ? await listAssignments(tx, hostId) : null
  const here = !takesNetworks ? new Set<string>() : listed ? new Set(listed.map(({ network }) => network.id)) : told.ids
  const joined = listed ? told.newcomers(listed) : new Set<string>()
  const states: NetworkState[] = []
  for (const id of here) {
    if (unread.has(id) || (told.knows(id) && changed.networks !== 'all' && !changed.networks.has(id) && !joined.has(id))) continue
    const state = await readNetworkState(tx, id, cache).catch((error: unknown) => Promise.reject(new Unreadable(id, error)))
    if (state) states.push(state)
  }
  return { listed, here, states, unread }
}

/** Of networks that could not be said, only the pods that the host has already, or that it shall end. */
async function withoutNewcomers(db: DatabaseClient, hostId: string, listed: Assignment[], told: ToldNetworks): Promise<Assignment[]> {
  const waiting = listed.filter(({ uid, network, deletion }) => told.isUnsaid(network.id) && deletion === null && !told.wasSent(uid)).map(({ uid }) => uid)
  if (waiting.length === 0) return listed
  const has = new Set(await listReported(db, hostId, waiting))
  const withheld = new Set(waiting.filter((uid) => !has.has(uid)))
  return listed.filter(({ uid }) => !withheld.has(uid))
}
