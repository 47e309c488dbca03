import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ExternalMessage, ExternalObject, ExternalReport, HostFloatingAddress } from '@/contracts/host/v1/external'
import { ExternalObjects } from '@/host/ledger/external-objects'
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

  it('are those that it shall have and those that it has still, with how much was taken; the server hears of each that is lost', async () => {
    let held = [first]
    const { external, less, report } = open(() => held)
    external.take(message({ complete: true, set: [{ ...one, addresses: [first, second] }] }))
    expect(report()).toEqual({ ...state, addresses: [first, second], taken: 1 })
    expect(less).toEqual([])
    held = [first, second]
    external.take(message({ set: [{ ...one, addresses: [first] }], more: true }))
    expect([report()?.taken, less]).toEqual([1, []])
    external.take(message({}))
    expect([report(), less]).toEqual([{ ...state, addresses: [first, second], taken: 3 }, [`balancer/${one.uid}`]])
    held = [first]
    // The disk says so, too: that is told.
    await expect.poll(() => less).toEqual([`balancer/${one.uid}`, `balancer/${one.uid}`])
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

describe('what this host let go of', () => {
  const [first, second] = ['198.18.100.7', '198.18.100.8']
  const address: HostFloatingAddress = { kind: 'floatingAddress', uid: '00000000-0000-4000-8000-0000000000f1', address: '198.18.100.5', networkId: one.networkId, podUid: one.uid, podAddress: '10.0.0.2', until: 15 }
  let folder: string
  let kept: ExternalObjects
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'external-'))
    kept = await ExternalObjects.open(folder, silent)
  })
  afterEach(async () => {
    await kept.close()
    await rm(folder, { recursive: true, force: true })
  })

  /** The kernel lets go of all at once. `told`: what was said, each with what an agent that began in that moment would answer for. */
  function open() {
    const gone = new Set<string>()
    const state = (kind: ExternalReport['kind'], uid: string): ExternalReport => ({ kind, uid, phase: gone.has(uid) ? 'Gone' : 'Active', reason: '', message: '' })
    const told: Promise<[ExternalReport | null, string[]]>[] = []
    const external: External = new External({
      kept, log: silent, held: { of: () => [] },
      balancers: { take: (uid, objects) => void (objects.length === 0 ? gone.add(uid) : gone.delete(uid)), takeCertificates: () => {}, begin: () => {}, reports: () => [state('balancer', one.uid)], report: (uid) => state('balancer', uid) },
      addresses: { apply: (_, all) => void (all.length === 0 ? gone.add(address.uid) : gone.delete(address.uid)), answer: () => {}, reports: () => [state('floatingAddress', address.uid)], report: (uid) => state('floatingAddress', uid) },
      onLess: (key) => void told.push(ExternalObjects.open(folder, silent).then((next) => [external.report(key), next.all().flatMap((object) => (object.kind === 'balancer' ? object.addresses : object.kind === 'floatingAddress' ? [object.address] : []))])),
    })
    return { external, told }
  }

  it('is said to be so once the next agent would not answer for it either', async () => {
    const { external, told } = open()
    const report = (key: string) => [external.report(key), external.reports().get(key)]
    external.take(message({ complete: true, set: [pool, address, { ...one, addresses: [first, second] }] }))
    await kept.written()
    external.take(message({ set: [{ ...one, addresses: [first] }] }))
    // It is said with the others as long as it is not written.
    expect(report(`balancer/${one.uid}`)).toMatchObject([{ addresses: [first, second], taken: 2 }, { addresses: [first, second] }])
    await expect.poll(() => told).toHaveLength(2)
    expect((await told[1])).toMatchObject([{ addresses: [first], taken: 2 }, expect.not.arrayContaining([second])])
    external.take(message({ remove: [`balancer/${one.uid}`, `floatingAddress/${address.uid}`] }))
    // A new connection would be told that it may be here still.
    expect(report(`balancer/${one.uid}`)).toMatchObject([null, { phase: 'Failed', reason: 'Leaving', addresses: [first] }])
    expect(report(`floatingAddress/${address.uid}`)).toMatchObject([null, { phase: 'Failed', reason: 'Leaving' }])
    await expect.poll(() => told).toHaveLength(4)
    for (const one of told.slice(2)) expect(await one).toMatchObject([{ phase: 'Gone' }, []])
  })

  it('and has again before that was written, it has', async () => {
    const { external, told } = open()
    external.take(message({ complete: true, set: [pool, one] }))
    await kept.written()
    external.take(message({ remove: [`balancer/${one.uid}`] }))
    external.take(message({ set: [one] }))
    expect(external.report(`balancer/${one.uid}`)).toMatchObject({ phase: 'Active', addresses: one.addresses })
    external.take(message({ remove: [`balancer/${one.uid}`] }))
    // What is on disk of the first removal says nothing of the second.
    await kept.written()
    await Promise.all(told)
    await expect.poll(() => external.report(`balancer/${one.uid}`)?.phase).toBe('Gone')
    expect((await told.at(-1))?.[1]).toEqual([])
  })
})
