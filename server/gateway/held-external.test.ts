import { describe, expect, it } from 'vitest'
import type { ExternalObject, ExternalReport } from '@/contracts/host/v1/external'
import { asChosen, HeldExternal } from './held-external'

type Answering = Extract<ExternalObject, { kind: 'floatingAddress' | 'balancer' }>
const [one, two, pod] = ['one', 'two', 'pod']
const [a, b, c] = ['198.18.100.2', '198.18.100.3', '198.18.100.4']
const balancer = (uid: string, ...addresses: string[]): Answering => ({ kind: 'balancer', uid, tenantId: '', namespace: '', name: uid, number: 1, networkId: '', network: { number: 1, mtu: 1450, subnets: [], inner: [], mac: '', outbound: 'nat' }, addresses, listeners: [], backends: [], options: { connectSeconds: 5, clientSeconds: 60, serverSeconds: 60, requestSeconds: 10, tunnelSeconds: 3600, drainSeconds: 30, maxConnections: 10, maxBodyBytes: null, ratePerSecond: null, allow: null, logOneOf: null }, until: null })
const floating = (uid: string, address: string): Answering => ({ kind: 'floatingAddress', uid, address, networkId: '', podUid: '', podAddress: '' })
const says = (uid: string, addresses?: string[], taken?: number): ExternalReport => ({ kind: 'balancer', uid, phase: 'Active', reason: '', message: '', addresses, taken })

/** A connection; `tell` sends all of these in one message, and says what of each may be told. */
function connection(...answering: ExternalReport[]) {
  const held = new HeldExternal()
  held.begin(answering)
  for (const report of answering) held.hear(report)
  const isFree = (address: string) => held.isFree({ uid: address, address })
  const tell = (objects: Answering[], unwanted = false) => {
    const chosen = held.choose(objects, held.leaving(), unwanted)
    held.wasSent()
    return Object.fromEntries([...chosen].map(([key, addresses]) => [key.split('/')[1], addresses]))
  }
  return { held, tell, isFree }
}

describe('a balancer that loses one of several addresses', () => {
  it('goes on with the others, and the one is held until its host, knowing of it, names it no more', () => {
    const { held, tell, isFree } = connection()
    expect(tell([balancer(one, a, b)])).toEqual({ one: [a, b] })
    expect(held.hear(says(one, [a, b], 1))).toBe(false)
    expect(tell([balancer(one, a)])).toEqual({ one: [a] })
    expect(held.isLeaving(`balancer/${one}`)).toBe(false)
    expect([a, b, c].map(isFree)).toEqual([false, false, true])
    // Taken, and not let go of yet.
    expect(held.hear(says(one, [a, b], 2))).toBe(false)
    expect(isFree(b)).toBe(false)
    expect(held.hear(says(one, [a], 2))).toBe(true)
    expect([a, b].map(isFree)).toEqual([false, true])
  })

  it('is not believed by what its host said before it was told of the address, or cannot know', () => {
    const { held, tell, isFree } = connection(says(one, [a], 0))
    tell([balancer(one, a, b)])
    tell([balancer(one, a)])
    expect(held.hear(says(one, [a], 0))).toBe(false)
    expect(held.hear(says(one, [a], 9))).toBe(false)
    expect(isFree(b)).toBe(false)
    // What was told last is the host's, whatever it says of before.
    expect(held.hear(says(one, [], 1))).toBe(true)
    expect([a, b].map(isFree)).toEqual([false, true])
  })

  it('has it again without a word of its host, and loses it again by a new one', () => {
    const { held, tell, isFree } = connection(says(one, [a, b], 0))
    tell([balancer(one, a)])
    tell([balancer(one, a, b)])
    expect(held.hear(says(one, [a], 1))).toBe(false)
    tell([balancer(one, a)])
    expect(isFree(b)).toBe(false)
    held.hear(says(one, [a], 3))
    expect(isFree(b)).toBe(true)
  })

  it('is let go of whole by a host that does not say which it holds', () => {
    const { held, tell, isFree } = connection()
    tell([balancer(one, a, b)])
    held.hear(says(one))
    expect(tell([balancer(one, a)])).toEqual({})
    expect(held.isLeaving(`balancer/${one}`)).toBe(true)
    expect([a, b].map(isFree)).toEqual([false, false])
    expect(held.settle({ ...says(one), phase: 'Gone' })).toBe(true)
    expect([a, b].map(isFree)).toEqual([true, true])
  })
})

describe('what an earlier connection told', () => {
  it('holds all until the host says which addresses it has; then those alone', () => {
    const { held, isFree } = connection(says(one))
    expect(isFree(c)).toBe(false)
    expect(held.hear(says(one, [a, b], 0))).toBe(true)
    expect([a, b, c].map(isFree)).toEqual([false, false, true])
  })
  it('goes on where its host says so at its beginning, with what it lost meanwhile held', () => {
    const { tell, isFree } = connection(says(one, [a, b], 0))
    expect(tell([balancer(one, a)], true)).toEqual({ one: [a] })
    expect([b, c].map(isFree)).toEqual([false, true])
    expect(connection(says(one)).tell([balancer(one, a)], true)).toEqual({})
  })
  it('may be held whatever this one tells, until the host says which; one that never does is let go of whole for an address that shall go', () => {
    const { held, tell, isFree } = connection(says(one))
    expect(tell([balancer(one, a)])).toEqual({ one: [a] })
    // Another one was told of it before.
    expect([isFree(b), held.needsWhole(false), held.needsWhole(true)]).toEqual([false, false, true])
    const { held: answered, isFree: isFreeThen } = connection(says(one))
    answered.hear(says(one, [a], 0))
    expect([isFreeThen(b), answered.needsWhole(true)]).toEqual([true, false])
    expect(tell([balancer(one, a)], true)).toEqual({})
    expect([held.isLeaving(`balancer/${one}`), held.needsWhole(true), isFree(b)]).toEqual([true, false, false])
    held.settle({ ...says(one), phase: 'Gone' })
    expect(isFree(b)).toBe(true)
    expect(tell([balancer(one, a)], true)).toEqual({ one: [a] })
    expect([isFree(a), isFree(b)]).toEqual([false, true])
  })
})

describe('an address that goes from one to another on the same host', () => {
  it('is told as the other’s once the one has let go; the other goes on with what it has meanwhile', () => {
    const { held, tell } = connection()
    tell([balancer(one, a, b), balancer(two, c)])
    held.hear(says(one, [a, b], 1))
    held.hear(says(two, [c], 1))
    const moved = [balancer(one, a), balancer(two, b, c)]
    expect(tell(moved)).toEqual({ one: [a], two: [c] })
    expect(held.waiting()).toEqual([two])
    expect(held.hear(says(one, [a], 2))).toBe(true)
    expect(tell(moved)).toEqual({ one: [a], two: [b, c] })
    expect(held.waiting()).toEqual([])
  })
  it('comes to a pod so, too', () => {
    const { held, tell } = connection()
    tell([balancer(one, a, b)])
    held.hear(says(one, [a, b], 1))
    expect(tell([balancer(one, a), floating(pod, b)])).toEqual({ one: [a] })
    held.hear(says(one, [a], 2))
    expect(tell([balancer(one, a), floating(pod, b)])).toEqual({ one: [a], pod: [b] })
  })
})

it('a balancer is told with those of its addresses that may be, its servers with it, and pools always', () => {
  const whole = balancer(one, a, b)
  const servers: ExternalObject = { kind: 'backendServers', balancerUid: one, backend: 'web', servers: [] }
  const pool: ExternalObject = { kind: 'addressPool', uid: 'pool', name: '', cidr: '', gateway: '' }
  const chosen = new Map([[`balancer/${one}`, [a]]])
  expect(asChosen(whole, chosen)).toEqual({ ...whole, addresses: [a] })
  expect(asChosen(whole, new Map([[`balancer/${one}`, [a, b]]]))).toBe(whole)
  expect([asChosen(servers, chosen), asChosen(pool, chosen)]).toEqual([servers, pool])
  expect([whole, servers].map((object) => asChosen(object, new Map()))).toEqual([null, null])
})
