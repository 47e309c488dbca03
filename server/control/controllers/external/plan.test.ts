import { describe, expect, it } from 'vitest'
import { claimAddresses } from './claims'
import { LostHosts } from './lost-hosts'
import { chooseHost, isIdle, nextHolding, planExternal } from './plan'
import type { World, WorldAddress, WorldBalancer, WorldHost, WorldPod, WorldSource } from './world'

const compiled = 'a digest'
const source = (uid: string, over: Partial<WorldSource> = {}): WorldSource => ({ kind: 'Service', uid, namespace: 'shop', name: uid, generation: 1, networkId: 'n', named: null, ips: [], family: null, both: null, compiled, problem: '', warning: '', ...over })
const address = (uid: string, over: Partial<WorldAddress> = {}): WorldAddress => ({ uid, name: uid, address: `198.18.100.${uid.length}`, family: 4, generation: 1, target: null, managed: false, deleted: false, podUid: null, balancerUid: null, hostId: null, ...over })
const balancer = (uid: string, sourceUid: string, over: Partial<WorldBalancer> = {}): WorldBalancer => ({ uid, kind: 'Service', sourceUid, namespace: 'shop', name: sourceUid, generation: 1, networkId: 'n', same: true, inner: ['10.0.0.9'], refusal: '', hostId: null, leaving: false, report: null, reach: new Set(), ...over })
const pod = (uid: string, over: Partial<WorldPod> = {}): WorldPod => ({ uid, namespace: 'shop', name: uid, hostId: 'h1', addresses: ['10.0.0.2'], ...over })
const host = (id: string, over: Partial<WorldHost> = {}): WorldHost => ({ id, name: id, ready: true, capable: true, cordoned: false, lost: false, balancers: 0, networks: new Set(), ...over })
const world = (over: Partial<World>): World => ({ sources: [], addresses: [], balancers: [], pods: [], hosts: [host('h1'), host('h2')], ...over })
const toPod = (name: string) => ({ kind: 'Pod' as const, namespace: 'shop', name })
const toService = (name: string) => ({ kind: 'Service' as const, namespace: 'shop', name })
const free = { podUid: null, balancerUid: null, hostId: null }
const said = (of: World, uid: string) => planExternal(of).verdicts.find((one) => one.uid === uid)

describe('who shall have an address', () => {
  it('is its target, then the oldest that names it', () => {
    const of = world({ sources: [source('s1', { ips: ['198.18.100.1'] }), source('s2', { named: 'b' }), source('s3')], addresses: [address('b', { address: '198.18.100.1' }), address('c', { target: toService('s3') })] })
    const { ofAddress, ofSource } = claimAddresses(of)
    expect(ofAddress.get('b')).toMatchObject({ kind: 'source', source: { uid: 's1' } })
    expect(ofSource.get('s2')).toMatchObject({ addresses: [], wants: false, problem: expect.stringContaining('leads elsewhere') as string })
    expect(ofSource.get('s3')?.addresses).toHaveLength(1)
  })
  it('is one address of each family for a pod, and none that a pod cannot have', () => {
    const of = world({ pods: [pod('p'), pod('far', { hostId: null }), pod('old', { hostId: 'h3' })], hosts: [host('h1'), host('h3', { capable: false })], addresses: [address('a', { target: toPod('p') }), address('bb', { target: toPod('p'), podUid: 'p', hostId: 'h1' }), address('v6', { family: 6, target: toPod('p') }), address('x', { target: toPod('none') }), address('y', { target: toPod('far') }), address('z', { target: toPod('old') })] })
    expect(['a', 'bb', 'v6', 'x', 'y', 'z'].map((uid) => said(of, uid)?.reason)).toEqual(['TargetHasAddress', 'Associated', 'Pending', 'TargetNotFound', 'TargetNotPlaced', 'HostCannot'])
  })
  it('is a balancer of its own where none is named, and what was taken for it goes with it', () => {
    const taken = address('m', { managed: true, balancerUid: 'b1', hostId: 'h1' })
    expect(planExternal(world({ sources: [source('s1')], balancers: [balancer('b1', 's1')] })).take).toMatchObject([{ balancer: { uid: 'b1' } }])
    expect(isIdle(planExternal(world({ sources: [source('s1')], balancers: [balancer('b1', 's1', { hostId: 'h1' })], addresses: [taken] })))).toBe(true)
    const other = planExternal(world({ sources: [source('s1')], balancers: [balancer('b1', 's1', { hostId: 'h1' })], addresses: [taken, address('t', { target: toService('s1') })] }))
    expect(other.hold).toEqual([{ uid: 'm', from: { podUid: null, balancerUid: 'b1', hostId: 'h1' }, to: { podUid: null, balancerUid: null, hostId: 'h1' } }, { uid: 't', from: free, to: { podUid: null, balancerUid: 'b1', hostId: 'h1' } }])
    expect(planExternal(world({ addresses: [address('m', { managed: true })] })).removeAddresses).toEqual(['m'])
  })
  it('is one of each family for a balancer of both, the first alone for another one', () => {
    const [four, six] = [address('m', { managed: true, balancerUid: 'b1', hostId: 'h1' }), address('m6', { family: 6, managed: true, balancerUid: 'b1', hostId: 'h1' })]
    const of = (both: WorldSource['both'], addresses: WorldAddress[], family: WorldSource['family'] = null) => planExternal(world({ sources: [source('s1', { both, family })], balancers: [balancer('b1', 's1', { hostId: 'h1' })], addresses }))
    const asked = (plan: ReturnType<typeof of>) => plan.take.map(({ also }) => also)
    expect([asked(of('preferred', [])), asked(of('preferred', [four])), asked(of('required', [six])), asked(of(null, [four]))]).toEqual([[null], ['IPv6'], ['IPv4'], []])
    expect(isIdle(of('preferred', [four, six]))).toBe(true)
    expect(planExternal(world({ sources: [source('s1', { both: 'required' }), source('s2')], balancers: [balancer('b1', 's1'), balancer('b2', 's2')], addresses: [four] })).take).toMatchObject([{ balancer: { uid: 'b2' }, also: null }, { balancer: { uid: 'b1' }, also: 'IPv6' }])
    expect([of(null, [four, six]), of(null, [four, six], 'IPv6')].map(({ hold }) => hold.map(({ uid }) => uid))).toEqual([['m6'], ['m']])
  })
})

describe('an address', () => {
  const [mine, theirs] = [{ podUid: 'p', balancerUid: null, hostId: 'h1' }, { podUid: 'q', balancerUid: null, hostId: 'h2' }]
  it('comes to another host only when no host has it, or its host is lost', () => {
    expect(nextHolding(free, theirs, false)).toEqual(theirs)
    expect(nextHolding(mine, theirs, false)).toEqual({ ...free, hostId: 'h1' })
    expect(nextHolding({ ...free, hostId: 'h1' }, theirs, false)).toEqual({ ...free, hostId: 'h1' })
    expect(nextHolding(mine, theirs, true)).toEqual(theirs)
    expect(nextHolding(mine, { ...theirs, hostId: 'h1' }, false)).toEqual({ ...theirs, hostId: 'h1' })
    expect(nextHolding(mine, free, true)).toEqual(free)
  })
  it('changes places with another one: a pod has never two of a family, and none waits for ever', () => {
    let addresses = [address('a', { target: toPod('q'), podUid: 'p', hostId: 'h1' }), address('b', { target: toPod('p'), podUid: 'q', hostId: 'h1' }), address('c', { target: toPod('r'), podUid: 's', hostId: 'h1' }), address('d', { target: toPod('s') })]
    const pods = ['p', 'q', 'r', 's'].map((uid) => pod(uid))
    for (let turn = 0; turn < 3; turn += 1) {
      for (const { uid, to } of planExternal(world({ pods, addresses })).hold) {
        if (to.podUid !== null) expect(addresses.filter(({ podUid }) => podUid === to.podUid)).toEqual([])
        addresses = addresses.map((one) => (one.uid === uid ? { ...one, ...to } : one))
      }
    }
    expect(addresses.map(({ podUid }) => podUid)).toEqual(['q', 'p', 'r', 's'])
  })
  it('that was given back stays until its host has let go', () => {
    expect(planExternal(world({ addresses: [address('a', { deleted: true, podUid: 'p', hostId: 'h1' })] }))).toMatchObject({ removeAddresses: [], hold: [{ to: { podUid: null, hostId: 'h1' } }] })
    expect(planExternal(world({ addresses: [address('a', { deleted: true })] })).removeAddresses).toEqual(['a'])
  })
})

describe('a balancer', () => {
  const withAddress = (over: Partial<WorldBalancer>, more: Partial<World> = {}) => world({ sources: [source('s')], balancers: [balancer('b', 's', over)], addresses: [address('a', { target: toService('s'), balancerUid: 'b', hostId: over.hostId ?? null })], ...more })
  it('is bound to a host that can, near its pods, with few balancers', () => {
    const hosts = [host('h1', { balancers: 1 }), host('h2', { balancers: 3, networks: new Set(['n']) }), host('h3', { capable: false }), host('h4', { cordoned: true }), host('h5', { ready: false })]
    expect(chooseHost(hosts, { networkId: 'n', reach: new Set() }, new Map([['h1', 1], ['h2', 3]]))).toBe('h2')
    expect(chooseHost(hosts, { networkId: 'm', reach: new Set() }, new Map([['h1', 1], ['h2', 3]]))).toBe('h1')
    expect(planExternal(withAddress({}))).toMatchObject({ bind: [{ uid: 'b', from: null, to: 'h1' }], hold: [{ uid: 'a', to: { hostId: 'h1' } }] })
    expect(said(withAddress({}, { hosts: [host('h3', { capable: false })] }), 's')?.reason).toBe('NoHost')
  })
  it('leaves its host before it is bound to another, and at once where that is lost', () => {
    expect(planExternal(withAddress({ hostId: 'h1', report: { phase: 'Gone', reason: '', message: '' } }))).toMatchObject({ bind: [], leave: [{ uid: 'b', hostId: 'h1', leaving: true }] })
    expect(planExternal(withAddress({ hostId: 'h1', leaving: true }))).toMatchObject({ leave: [{ leaving: false }] })
    expect(planExternal(withAddress({ hostId: 'h1' }, { hosts: [host('h1', { ready: false }), host('h2')] }))).toMatchObject({ bind: [], leave: [], hold: [] })
    expect(planExternal(withAddress({ hostId: 'h1' }, { hosts: [host('h1', { ready: false, lost: true }), host('h2')] }))).toMatchObject({ bind: [{ from: 'h1', to: 'h2' }], hold: [{ to: { balancerUid: 'b', hostId: 'h2' } }] })
  })
  it('goes where the pods of its network are, from a host that has none, and says which pods it does not reach', () => {
    const active = { hostId: 'h1', report: { phase: 'Active', reason: '', message: '' } }
    const among = (...networks: boolean[]) => networks.map((has, i) => host(`h${i + 1}`, { networks: new Set(has ? ['n'] : []) }))
    expect(planExternal(withAddress(active, { hosts: among(false, true) }))).toMatchObject({ leave: [{ uid: 'b', hostId: 'h1', leaving: true }] })
    expect(planExternal(withAddress({ hostId: null }, { hosts: among(false, true) }))).toMatchObject({ bind: [{ to: 'h2' }] })
    for (const hosts of [among(false, false), among(true, true), [...among(false), host('h2', { networks: new Set(['n']), cordoned: true })]]) expect(planExternal(withAddress(active, { hosts })).leave).toEqual([])
    expect(said(withAddress(active, { hosts: among(true, true, true) }), 's')).toMatchObject({
      status: 'True', reason: 'Partly', message: 'Answers at 198.18.100.1. It runs on host "h1", and pods of its network on host "h2" and "h3" get no connections from it: a network does not reach from one host to another yet.',
    })
    expect(said(withAddress(active, { hosts: among(true, true, true, true, true) }), 's')?.message).toContain('on 4 other hosts get no connections')
  })
  it('goes where the ready endpoints of its own services are, before other pods of its network, and says where it reaches none', () => {
    const active = { hostId: 'h1', report: { phase: 'Active', reason: '', message: '' }, reach: new Set(['h2']) }
    const hosts = ['h1', 'h2'].map((id, i) => host(id, { networks: new Set(['n']), balancers: 3 * i }))
    expect(planExternal(withAddress({ reach: active.reach }, { hosts })).bind).toMatchObject([{ to: 'h2' }])
    expect(planExternal(withAddress(active, { hosts })).leave).toEqual([{ uid: 'b', hostId: 'h1', leaving: true }])
    for (const reach of [[], ['h1'], ['h1', 'h2'], ['gone']]) expect(planExternal(withAddress({ ...active, reach: new Set(reach) }, { hosts })).leave).toEqual([])
    const cordoned = withAddress(active, { hosts: hosts.map((one) => ({ ...one, cordoned: one.id === 'h2' })) })
    expect(planExternal(cordoned).leave).toEqual([])
    expect(said(cordoned, 's')).toMatchObject({ status: 'False', reason: 'NoneReached', message: expect.stringContaining('they are on host "h2".') as string })
  })
  it('that nobody asks for goes when its host has let go', () => {
    expect(planExternal(world({ balancers: [balancer('b', 's', { hostId: 'h1' })] }))).toMatchObject({ leave: [{ leaving: true }], removeBalancers: [] })
    expect(planExternal(world({ balancers: [balancer('b', 's')] })).removeBalancers).toEqual(['b'])
  })
  it('says what is in the way, and what works of it', () => {
    const active = { hostId: 'h1', report: { phase: 'Active', reason: '', message: '' } }
    expect(said(withAddress(active), 's')).toMatchObject({ status: 'True', reason: 'Ready', message: 'Answers at 198.18.100.1.' })
    expect(said(withAddress({ hostId: 'h1', report: { phase: 'Failed', reason: 'NoNamespace', message: 'No.' } }), 's')).toMatchObject({ status: 'False', reason: 'NoNamespace', message: 'No.' })
    expect(said(withAddress(active, { sources: [source('s', { warning: 'Secret "x" does not exist.' })] }), 's')).toMatchObject({ status: 'True', reason: 'Partly', message: 'Answers at 198.18.100.1. Secret "x" does not exist.' })
    expect(said(withAddress(active, { hosts: [host('h1', { ready: false }), host('h2')] }), 's')?.reason).toBe('HostUnknown')
    expect(said(world({ sources: [source('s', { named: 'nowhere' })], balancers: [balancer('b', 's')] }), 's')).toMatchObject({ reason: 'NoAddress', message: 'There is no floating address "nowhere": create it, or take the annotation away to be given one.' })
    expect(said(world({ sources: [source('s', { compiled: null, problem: 'spec.ports must have at least one port.' })] }), 's')).toMatchObject({ reason: 'Invalid' })
  })
})

it('a host is lost that is silent for its time, and knew that another could take over', () => {
  let steady = 0
  const lost = new LostHosts(() => steady)
  const find = (phase: string, toldLease = true, heard: number | null = 1) => lost.find([{ id: 'h', phase, toldLease, heard }]).size
  expect([find('Ready'), find('Unknown')]).toEqual([0, 0])
  steady = 4999
  expect(find('Unknown')).toBe(0)
  steady = 5000
  expect([find('Unknown'), find('Unknown', false), find('Ready'), find('Unknown')]).toEqual([1, 0, 0, 0])
  // Between two looks it spoke, and fell silent anew; a state of before that says nothing.
  steady = 9_999
  expect([find('Unknown'), find('Unknown', true, 2)]).toEqual([0, 0])
  steady = 14_998
  expect([find('Unknown', true, 2), find('Unknown', true, 1)]).toEqual([0, 0])
  steady = 14_999
  expect([find('Unknown', true, 1), find('Unknown', true, 2), find('Unknown', true, null)]).toEqual([1, 1, 1])
})

it.each([['forward', 600_000], ['back', -600_000]])('a database\'s clock that is set %s by ten minutes neither loses a host nor keeps one', (_, jump) => {
  let steady = 0
  const lost = new LostHosts(() => steady)
  const find = (heard: number) => lost.find([{ id: 'h', phase: 'Unknown', toldLease: true, heard }]).size
  const now = 1_795_655_683_832
  expect(find(now)).toBe(0)
  // It says nothing: what was heard of it stays as it was written.
  steady = 4_999
  expect(find(now)).toBe(0)
  steady = 5_000
  expect(find(now)).toBe(1)
  // Between two looks it spoke, and what it said was dated by the other clock.
  expect(find(now + jump)).toBe(0)
  steady = 9_999
  expect(find(now + jump)).toBe(0)
  steady = 10_000
  expect(find(now + jump)).toBe(1)
})
