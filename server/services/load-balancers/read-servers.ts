import { z } from 'zod'
import { balancerServerState, type BalancerServerState } from '@/contracts/host/v1/figures'
import { streamChannel } from '@/contracts/host/v1/streams'
import { balancerServerNow, type BalancerServerNow } from '@/domain/load-balancer/view'
import { DomainError, notFound } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import { findLoadBalancer, hostCan } from '@/server/store/balancer-views'
import type { ServerContext } from '../context'
import type { HostStream } from '../host-streams'
import { LineSplitter } from '../pods/line-splitter'
import { messagesOf, parseResult } from '../pods/streams/stream-messages'
import { askedFor, type balancerReference } from './read-balancers'

/** `servers` is null where there is nobody to ask: no host runs the balancer yet, or one whose agent is of a version that cannot say. */
export const balancerServersOutput = z.object({ servers: z.array(balancerServerNow).nullable() })

const withinMs = 10_000
/** What a host may send of them: more is a fault of it. Characters. */
const longestAnswer = 4 << 20

/** The servers behind a balancer as its host has them at this moment. Of UDP it has none. */
export async function readServers(ctx: ServerContext, scope: Scope, { source, namespace, name }: z.output<typeof balancerReference>): Promise<z.output<typeof balancerServersOutput>> {
  const row = await findLoadBalancer(ctx.db, scope, source, namespace, name)
  if (!row && !(await askedFor(ctx.db, scope, { source, namespace, name }))) throw notFound('LoadBalancer', name)
  // An agent of before leaves the question without an answer, and each look at the page would wait for it.
  if (!row?.hostId || row.leaving || !(await hostCan(ctx.db, row.hostId, 'balancerServers'))) return { servers: null }
  const stream = await ctx.streams.open(row.hostId, { kind: 'balancerServers', balancerUid: row.uid }, { owner: scope.tenantId, timeoutMs: withinMs })
  const now = Date.now()
  return { servers: (await hear(stream)).map((state) => toView(state, now)) }
}

async function hear(stream: HostStream): Promise<BalancerServerState[]> {
  const timer = setTimeout(() => stream.destroy(), withinMs)
  const states: BalancerServerState[] = []
  const splitter = new LineSplitter()
  let received = 0
  try {
    for await (const message of messagesOf(stream)) {
      if (message[0] === streamChannel.result) {
        const { error } = parseResult(message)
        if (error !== null) throw new DomainError('unavailable', error)
        return states
      }
      received += message.length
      if (received > longestAnswer) throw new DomainError('unavailable', 'The host sent more of the balancer’s servers than there can be.')
      for (const line of splitter.lines(message.subarray(1))) states.push(parseState(line))
    }
  } finally {
    clearTimeout(timer)
    stream.destroy()
  }
  throw new DomainError('unavailable', `The host did not tell of all of the balancer’s servers within ${withinMs / 1000} s: look again in a moment.`)
}

function parseState(line: string): BalancerServerState {
  try {
    return balancerServerState.parse(JSON.parse(line))
  } catch (cause) {
    throw new DomainError('unavailable', 'The host told of the balancer’s servers what cannot be read: it may be of another version than the server.', { cause })
  }
}

function toView({ server, forSeconds, ...state }: BalancerServerState, now: number): BalancerServerNow {
  const at = server.lastIndexOf(':')
  return { ...state, address: server.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(server.slice(at + 1)) || 0, since: new Date(now - forSeconds * 1000).toISOString() }
}
