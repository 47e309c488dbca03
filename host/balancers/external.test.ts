import { describe, expect, it } from 'vitest'
import type { ExternalMessage, ExternalObject } from '@/contracts/host/v1/external'
import { External } from './external'
import { balancer, silent } from './testing/balancer-lab'

const one = balancer(7)
const two = balancer(8)
const servers = (uid: string, ...last: number[]): ExternalObject => ({ kind: 'backendServers', balancerUid: uid, backend: 'web', servers: last.map((digit) => ({ address: `10.0.0.${digit}`, port: 80, weight: 1 })) })
const pool: ExternalObject = { kind: 'addressPool', uid: '00000000-0000-4000-8000-0000000000f0', name: 'default', cidr: '198.18.100.0/24', gateway: '198.18.100.1' }
const message = (fields: Partial<ExternalMessage>): ExternalMessage => ({ kind: 'externalObjects', complete: false, set: [], remove: [], ...fields })

function open(kept: ExternalObject[] = [], holds: (until: number | null) => boolean = () => true) {
  const told: unknown[] = []
  const external = new External({
    kept: { all: () => kept, put: (group, objects) => void told.push(['kept', group, objects.length]), written: () => Promise.resolve() },
    balancers: { take: (uid, objects) => void told.push(['balancer', uid, objects.length]), takeCertificates: () => {}, begin: () => {}, reports: () => [], report: () => null },
    addresses: { apply: (pools, addresses) => void told.push(['addresses', pools.length, addresses.length]), answer: (uid) => void told.push(['answer', uid]), reports: () => [], report: () => null },
    log: silent, holds,
  })
  return { external, take: (...messages: ExternalMessage[]) => {
    told.length = 0
    for (const each of messages) external.take(each)
    return [...told]
  } }
}

describe('what the server says of the outside', () => {
  it('is told and kept by what it touches, pools first', () => {
    const { take, external } = open()
    expect(take(message({ complete: true, set: [one, servers(one.uid, 2), two, pool] }))).toEqual([['addresses', 1, 0], ['kept', one.uid, 2], ['balancer', one.uid, 2], ['kept', two.uid, 1], ['balancer', two.uid, 1], ['kept', 'addresses', 1]])
    expect(take(message({ set: [servers(one.uid, 3)] }))).toEqual([['kept', one.uid, 2], ['balancer', one.uid, 2]])
    expect(external.networks()).toEqual([one.networkId])
    expect(take(message({ complete: true, set: [pool] }))).toEqual([['addresses', 1, 0], ['kept', 'addresses', 1], ['kept', one.uid, 0], ['balancer', one.uid, 0], ['kept', two.uid, 0], ['balancer', two.uid, 0]])
  })

  it('answers a removal of what is not here, and carries out no half of a message', () => {
    const { take, external } = open()
    expect(take(message({ complete: true, set: [pool], more: true }))).toEqual([])
    expect(take(message({ set: [], remove: [] }))).toEqual([['addresses', 1, 0], ['kept', 'addresses', 1]])
    expect(take(message({ remove: [`balancer/${two.uid}`, `floatingAddress/${one.uid}`] }))).toEqual([['balancer', two.uid, 0], ['answer', one.uid]])
    external.begin()
    expect(() => take(message({ set: [one] }))).toThrow('came before all of it')
  })

  it('is carried out no more once the agent ends: pods that stop change endpoints, and nothing is brought up for that', () => {
    const { take, external } = open([pool])
    external.begin()
    expect(take(message({ complete: true, set: [one, pool] })).length).toBeGreaterThan(0)
    external.end()
    expect(take(message({ set: [servers(one.uid, 3)] }), message({ complete: true, set: [one, two, pool] }), message({ remove: [`balancer/${one.uid}`] }))).toEqual([])
    // On another connection neither, whatever comes first there.
    external.begin()
    expect(take(message({ set: [two] }))).toEqual([])
  })

  it('is known from before, so that a complete message says what went meanwhile', () => {
    const { take } = open([one, servers(one.uid, 2), pool])
    expect(take(message({ complete: true, set: [pool] }))).toEqual([['addresses', 1, 0], ['kept', 'addresses', 1], ['kept', one.uid, 0], ['balancer', one.uid, 0]])
  })
})

describe('the addresses that a balancer holds', () => {
  const [first, second] = ['198.18.100.7', '198.18.100.8']
  const state = { kind: 'balancer' as const, uid: one.uid, phase: 'Active' as const, reason: '', message: '' }
  function open(of: (uid: string) => string[] | null) {
    const less: string[] = []
    const external = new External({
      kept: { all: () => [], put: () => {}, written: () => Promise.resolve() }, log: silent, held: { of }, onLess: (uid) => less.push(uid),
      balancers: { take: () => {}, takeCertificates: () => {}, begin: () => {}, reports: () => [state], report: () => state },
      addresses: { apply: () => {}, answer: () => {}, reports: () => [], report: () => null },
    })
    return { external, less, report: () => external.report(`balancer/${one.uid}`) }
  }

  it('are those that it shall have and those that it has still, with how much was taken; the server hears of each that is lost', () => {
    let held = [first]
    const { external, less, report } = open(() => held)
    external.take(message({ complete: true, set: [{ ...one, addresses: [first, second] }] }))
    expect(report()).toEqual({ ...state, addresses: [first, second], taken: 1 })
    expect(less).toEqual([])
    held = [first, second]
    external.take(message({ set: [{ ...one, addresses: [first] }], more: true }))
    expect([report()?.taken, less]).toEqual([1, []])
    external.take(message({}))
    expect([report(), less]).toEqual([{ ...state, addresses: [first, second], taken: 3 }, [one.uid]])
    held = [first]
    expect(report()).toEqual({ ...state, addresses: [first], taken: 3 })
    expect(external.reports().get(`balancer/${one.uid}`)).toEqual(report())
    external.begin()
    expect(report()?.taken).toBe(0)
  })

  it('are not said where they are not known, or are more than a report holds', () => {
    const { external, report } = open(() => null)
    external.take(message({ complete: true, set: [one] }))
    expect(report()).toEqual(state)
    expect(open(() => Array.from({ length: 65 }, (_, i) => `198.18.101.${i}`)).report()).toEqual(state)
  })
})

describe('a pod’s address', () => {
  const address: ExternalObject = { kind: 'floatingAddress', uid: '00000000-0000-4000-8000-0000000000f1', address: '198.18.100.5', networkId: one.networkId, podUid: one.uid, podAddress: '10.0.0.2', until: 15 }
  it('is let go when the server was not heard of for its time, and is here again once all is said anew', () => {
    let holds = true
    const { take, external } = open([], (until) => until === null || holds)
    expect(take(message({ complete: true, set: [pool, address] }))).toEqual([['addresses', 1, 1], ['kept', 'addresses', 2]])
    expect([external.checkLease(), external.mustHearAll]).toEqual([false, false])
    holds = false
    expect([external.checkLease(), external.checkLease(), external.mustHearAll]).toEqual([true, false, true])
    // What the same connection says may be older than the move.
    expect(take(message({ set: [pool] }))).toEqual([['addresses', 1, 0], ['kept', 'addresses', 2]])
    external.begin()
    expect(external.mustHearAll).toBe(false)
    holds = true
    expect(take(message({ complete: true, set: [pool, address] }))).toEqual([['addresses', 1, 1], ['kept', 'addresses', 2]])
  })
  it('is not taken up by an agent that begins after its time', () => {
    const { external } = open([pool, address], (until) => until === null)
    expect(external.mustHearAll).toBe(true)
    expect(open([pool, { ...address, until: null }], (until) => until === null).external.mustHearAll).toBe(false)
  })
})
