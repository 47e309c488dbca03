import { beforeEach, describe, expect, it } from 'vitest'
import type { ExternalPort } from '@/host/external/bridge-links'
import type { HostParts } from '../host-parts'
import type { FloatingBinding, NetworkState } from '../network-state'
import type { RunningNetwork } from '../running-network'
import { RunningNetworks } from '../running-networks'
import { FloatingNetworks } from './floating-networks'
import { FloatingWay } from './floating-way'

const NETWORK = { id: 'n', number: 1, outbound: 'nat' as const }
const address = (last: number, podUid = 'p5') => ({ uid: `u${last}`, address: `198.18.100.${last}`, networkId: NETWORK.id, podUid, target: `10.0.0.${podUid.slice(1)}` })

/** The bridge of the outside, in memory: each change of it waits for `gate`. */
class Bridge {
  readonly links = new Map<string, readonly string[]>()
  readonly announced: string[] = []
  readonly subnets = []
  gate: () => Promise<void> = () => Promise.resolve()
  holderOf = (address: string) => [...this.links].find(([, addresses]) => addresses.includes(address))?.[0]
  heldIn = (namespace: string) => [...this.links.get(namespace) ?? []]
  onLetGo = () => {}
  announce = async (_: unknown, addresses: readonly string[]) => void this.announced.push(...addresses)
  async connect({ namespace, addresses }: Pick<ExternalPort, 'namespace' | 'addresses'>): Promise<void> {
    await this.gate()
    this.links.set(namespace, addresses)
  }
  async detach(namespace: string): Promise<void> {
    await this.gate()
    this.links.delete(namespace)
  }
}

let bridge: Bridge
let networks: RunningNetworks
let floating: FloatingNetworks
let pods: string[]
/** What a change inside of the namespace fails with. */
let broken: Error | null

/** A network with the way that a running one has; what is inside of its namespace is nobody's. */
beforeEach(() => {
  bridge = new Bridge()
  networks = new RunningNetworks()
  pods = ['p5']
  broken = null
  floating = new FloatingNetworks(networks, bridge, { error: () => {} })
  const inside = { kernel: {}, change: async () => { if (broken) throw broken } }
  const wanted = (): readonly FloatingBinding[] => floating.of(NETWORK.id).filter(({ podUid }) => pods.includes(podUid))
  const way = new FloatingWay({ namespace: 'hyp-t-n1', inside: inside as never, number: () => 1, wanted, state: () => ({}) as NetworkState, undo: (step) => step().catch(() => undefined) }, { hostTag: 't', external: bridge as unknown as HostParts['external'], log: {} as HostParts['log'] })
  networks.byNumber.set(1, { identity: NETWORK, namespace: 'hyp-t-n1', floating: way, get pods() { return new Map(pods.map((uid) => [uid, { pod: { uid, address: `10.0.0.${uid.slice(1)}` } }])) } } as unknown as RunningNetwork)
  for (const uid of ['p5', 'p6']) networks.numberOfPod.set(uid, 1)
})

/** The next change of the bridge waits: resolves when it does, with what lets it go. */
function busy(): Promise<() => void> {
  return new Promise((begun) => {
    bridge.gate = () => new Promise((letGo) => begun(() => {
      bridge.gate = () => Promise.resolve()
      letGo()
    }))
  })
}

describe('an address that is taken away while its network waits for the bridge', () => {
  it('is one that this host answers for until it has let it go', async () => {
    const waits = busy()
    const first = floating.set([address(10)])
    const letGo = await waits
    const second = floating.set([])
    expect(bridge.heldIn('hyp-t-n1')).toEqual([])
    expect(floating.answersFor('u10')).toBe(true)
    letGo()
    await Promise.all([first, second])
    expect(floating.answersFor('u10')).toBe(false)
    expect(bridge.links.size).toBe(0)
  })

  it('goes at once, also where another of its network stays', async () => {
    await floating.set([address(10)])
    const waits = busy()
    const first = floating.set([address(10), address(11)])
    const letGo = await waits
    const second = floating.set([address(10)])
    letGo()
    await Promise.all([first, second])
    expect([floating.answersFor('u10'), floating.answersFor('u11')]).toEqual([true, false])
    expect(bridge.heldIn('hyp-t-n1')).toEqual(['198.18.100.10'])
  })

  it('goes with the next look where a repair of its network led it meanwhile', async () => {
    floating.know([address(10)])
    const waits = busy()
    const repaired = networks.byNumber.get(1)?.floating.reconcile(false, { repairs: [], lostTaps: [] })
    const letGo = await waits
    await floating.set([])
    letGo()
    await repaired
    expect(floating.answersFor('u10')).toBe(true)
    await floating.carryOutAll()
    expect(floating.answersFor('u10')).toBe(false)
  })
})

describe('a turn that failed', () => {
  const states = () => Object.fromEntries([...floating.states()].map(([uid, { state }]) => [uid, state]))

  it('is told of what does not lead to its pod alone, and of nothing once a turn did it', async () => {
    await floating.set([address(10)])
    broken = new Error('no')
    await floating.set([address(10), address(11), address(12, 'p7')])
    expect(states()).toEqual({ u10: 'active', u11: 'failed', u12: 'waiting' })
    broken = null
    await floating.carryOutAll()
    networks.numberOfPod.set('p7', 1)
    pods.push('p7')
    expect(states()).toEqual({ u10: 'active', u11: 'active', u12: 'coming' })
  })

  it('is told of no more where a repair of the namespace made up for it', async () => {
    broken = new Error('no')
    await floating.set([address(10)])
    expect(states()).toEqual({ u10: 'failed' })
    broken = null
    await networks.byNumber.get(1)?.floating.reconcile(false, { repairs: [], lostTaps: [] })
    await floating.carryOutAll()
    expect(states()).toEqual({ u10: 'active' })
    // Nor once it is on its way to another pod.
    pods.push('p6')
    floating.know([address(10, 'p6')])
    expect(states()).toEqual({ u10: 'coming' })
  })
})
