import { describe, expect, it, vi } from 'vitest'
import type { HostFloatingAddress } from '@/contracts/host/v1/external'
import type { RoutedGuestState } from '@/host/network/floating/routed-addresses'
import { FloatingAddresses } from './floating-addresses'

const uid = '00000000-0000-4000-8000-000000000010'
const pool = { kind: 'addressPool' as const, uid: '00000000-0000-4000-8000-000000000001', name: 'default', cidr: '198.18.100.0/24', gateway: '198.18.100.1' }
const address: HostFloatingAddress = { kind: 'floatingAddress', uid, address: '198.18.100.10', networkId: pool.uid, podUid: pool.uid, podAddress: '10.0.0.5' }

/** A host's network that carries out what it is told when the test lets it. `said`: what happened, in order; `wants`: what it was told last. */
function hostNetwork() {
  const said: string[] = []
  const network = {
    said,
    answers: true,
    wants: [] as string[],
    changed: (): void => undefined,
    setPools: (): Promise<void> => Promise.resolve(),
    carryOut: (): void => undefined,
    begun: (): void => undefined,
    floating: {
      set: async (all: readonly { uid: string; address: string }[]): Promise<void> => {
        network.wants = all.map((one) => one.uid)
        said.push(`leads ${all.map((one) => one.address).join()}`)
        if (all.length > 0) return
        await new Promise<void>((resolve) => {
          network.carryOut = resolve
          network.begun()
        })
      },
      states: () => new Map(network.wants.map((one) => [one, { state: network.answers ? 'active' as const : 'coming' as const }])),
      answersFor: () => network.answers,
      onChange: (changed: () => void) => void (network.changed = changed),
    },
    external: { setPools: () => network.setPools(), problemOf: () => null },
  }
  return network
}

it('an address that is taken away is named until this host does not answer for it any more', async () => {
  const network = hostNetwork()
  const addresses = new FloatingAddresses({ network: network as never, log: { error: () => {} }, onReport: () => {} })
  addresses.apply([pool], [address])
  await addresses.settled()
  const begun = new Promise<void>((resolve) => (network.begun = resolve))
  addresses.apply([pool], [])
  await begun
  // A complete report now names it, so that the server gives it to nobody else.
  expect(addresses.reports()).toMatchObject([{ uid, phase: 'Failed', reason: 'Leaving' }])
  network.answers = false
  network.carryOut()
  await addresses.settled()
  expect(addresses.reports()).toMatchObject([{ uid, phase: 'Gone' }])
})

/** The bridge is busy until the test lets go. */
function busyBridge(network: ReturnType<typeof hostNetwork>): () => void {
  let letGo = () => {}
  network.setPools = () => new Promise((resolve) => (letGo = resolve))
  return () => letGo()
}

/** As many networks and guests do, whose turns end. */
async function othersChange(network: ReturnType<typeof hostNetwork>): Promise<void> {
  network.changed()
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
}

it('an address that is taken away before it led anywhere is not gone while its network may lead it still, whatever else is told', async () => {
  const network = hostNetwork()
  network.answers = false
  const told: (string | undefined)[] = []
  const addresses = new FloatingAddresses({ network: network as never, log: { error: () => {} }, onReport: (one) => told.push(addresses.report(one)?.phase) })
  addresses.apply([pool], [address])
  await addresses.settled()
  const letGo = busyBridge(network)
  addresses.apply([pool], [])
  await othersChange(network)
  // The server says again that it is to go.
  addresses.answer(uid)
  expect(told).not.toContain('Gone')
  expect(addresses.reports()).toMatchObject([{ uid, phase: 'Failed', reason: 'Leaving' }])
  const begun = new Promise<void>((resolve) => (network.begun = resolve))
  letGo()
  await begun
  network.carryOut()
  await addresses.settled()
  expect(told).toEqual(['Failed', 'Gone'])
})

it('an address is named by all reports from when it was said on, and told to be gone where it was taken back before it was looked at', async () => {
  const network = hostNetwork()
  network.answers = false
  const told: (string | undefined)[] = []
  const addresses = new FloatingAddresses({ network: network as never, log: { error: () => {} }, onReport: (one) => told.push(addresses.report(one)?.phase) })
  const coming = [{ uid, phase: 'Degraded', reason: 'Coming' }]
  const letGo = busyBridge(network)
  addresses.apply([pool], [address])
  // On its way to the networks, which know nothing of it yet.
  expect(addresses.reports()).toMatchObject(coming)
  addresses.apply([pool], [])
  addresses.apply([pool], [address])
  await othersChange(network)
  expect(addresses.reports()).toMatchObject(coming)
  expect(told).toEqual([])
  // It is said and taken back while the word before is carried out.
  const other = { ...address, uid: pool.uid, address: '198.18.100.11' }
  addresses.apply([pool], [address, other])
  expect(addresses.report(other.uid)).toMatchObject({ reason: 'Coming' })
  addresses.apply([pool], [address])
  network.setPools = () => Promise.resolve()
  letGo()
  await addresses.settled()
  expect(addresses.reports()).toMatchObject([{ uid, reason: 'Coming' }, { uid: other.uid, phase: 'Gone' }])
  expect(told.at(-1)).toBe('Gone')
})

it('an address that is said anew before the word that took it away is carried out is not gone', async () => {
  const network = hostNetwork()
  network.answers = false
  const told: (string | undefined)[] = []
  const addresses = new FloatingAddresses({ network: network as never, log: { error: () => {} }, onReport: (one) => told.push(addresses.report(one)?.phase) })
  // Of no pool: the networks know nothing of it.
  const none = new Promise<void>((resolve) => (network.begun = resolve))
  addresses.apply([], [address])
  await none
  network.carryOut()
  await addresses.settled()
  const letGo = busyBridge(network)
  addresses.apply([pool], [])
  addresses.apply([pool], [address])
  await othersChange(network)
  expect(told).toEqual(['Failed'])
  const begun = new Promise<void>((resolve) => (network.begun = resolve))
  network.setPools = () => Promise.resolve()
  letGo()
  await begun
  network.carryOut()
  network.answers = true
  await addresses.settled()
  expect(told).toEqual(['Failed', 'Active'])
})

it('many networks that change at once are told of in one look', async () => {
  const network = hostNetwork()
  const addresses = new FloatingAddresses({ network: network as never, log: { error: () => {} }, onReport: () => {} })
  const all = Array.from({ length: 50 }, (_, at) => ({ ...address, uid: `u${at}`, address: `198.18.100.${at + 10}` }))
  addresses.apply([pool], all)
  await addresses.settled()
  const states = vi.spyOn(network.floating, 'states')
  for (let turn = 0; turn < 50; turn++) network.changed()
  await addresses.settled()
  expect(states).toHaveBeenCalledTimes(1)
})

describe('an address that this host may answer for only while the server is heard of', () => {
  const leased = { ...address, until: 15 }
  const guarded = (network: ReturnType<typeof hostNetwork>, coverAddresses = async (all: ReadonlyMap<string, number>) => void network.said.push(`guards ${JSON.stringify([...all])}`)) =>
    new FloatingAddresses({ network: network as never, log: { error: () => {} }, guard: { coverAddresses }, onReport: () => {} })

  it('is guarded in the kernel before it leads to its pod, and until it does not any more', async () => {
    const network = hostNetwork()
    const addresses = guarded(network)
    addresses.apply([pool], [leased])
    await addresses.settled()
    expect(network.said.slice(0, 2)).toEqual(['guards [["198.18.100.10",15]]', 'leads 198.18.100.10'])
    const begun = new Promise<void>((resolve) => (network.begun = resolve))
    addresses.apply([pool], [])
    await begun
    expect(network.said.at(-2)).toBe('guards [["198.18.100.10",15]]')
    network.answers = false
    network.carryOut()
    await addresses.settled()
    expect(network.said.at(-1)).toBe('guards []')
  })

  it('is not guarded once it has no such time any more', async () => {
    const network = hostNetwork()
    const addresses = guarded(network)
    for (const one of [leased, address]) {
      addresses.apply([pool], [one])
      await addresses.settled()
    }
    expect(network.said.at(-1)).toBe('guards []')
  })

  it('does not lead to its pod where the kernel cannot guard it, says why, and is tried again; one that is answered for already stays', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const network = hostNetwork()
      network.answers = false
      let fails = true
      const addresses = guarded(network, async () => {
        if (fails) throw new Error('no room')
      })
      addresses.apply([pool], [leased, { ...address, uid: pool.uid, address: '198.18.100.11' }])
      await addresses.settled()
      expect(network.said).toEqual(['leads 198.18.100.11'])
      expect(addresses.report(uid)).toMatchObject({ phase: 'Failed', reason: 'NotGuarded', message: expect.stringContaining('no room') as string })
      fails = false
      network.answers = true
      await vi.runOnlyPendingTimersAsync()
      await addresses.settled()
      expect(network.said.at(-1)).toBe('leads 198.18.100.10,198.18.100.11')
      expect(addresses.report(uid)).toMatchObject({ phase: 'Active' })
      fails = true
      addresses.apply([pool], [leased])
      await addresses.settled()
      expect(network.said.at(-1)).toBe('leads 198.18.100.10')
      // An agent that ends tries nothing again.
      addresses.end()
      const { length } = network.said
      await vi.runOnlyPendingTimersAsync()
      await addresses.settled()
      expect(network.said).toHaveLength(length)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('an address that is routed to its pod', () => {
  const routed = { ...address, address: '2001:db8:100::10' }
  const pools = [{ ...pool, cidr: '2001:db8:100::/64', gateway: '2001:db8:100::1' }]
  const failed = (isOld: boolean): RoutedGuestState => ({ state: 'failed', isOld, error: new Error('no way there') })

  it.each<[string, string, string, RoutedGuestState]>([
    ['Active', 'Answering', 'has it as its own', { state: 'done' }],
    ['Degraded', 'GuestNotTold', 'when it has started', { state: 'waiting' }],
    ['Degraded', 'GuestTooOld', 'restart the pod', failed(true)],
    ['Degraded', 'GuestFailed', '(no way there)', failed(false)],
  ])('is %s (%s) by what its guest says', async (phase, reason, message, state) => {
    const told: string[] = []
    let now: RoutedGuestState = { state: 'waiting' }
    let changed = () => {}
    const guests = { listen: (listener: () => void) => (changed = listener), refresh: vi.fn(), stateOf: () => now }
    const addresses = new FloatingAddresses({ network: hostNetwork() as never, guests, log: { error: () => {} }, onReport: (one) => told.push(one) })
    addresses.apply(pools, [routed])
    await addresses.settled()
    expect(guests.refresh).toHaveBeenCalled()
    const { length } = told
    now = state
    changed()
    await addresses.settled()
    expect(addresses.report(uid)).toMatchObject({ phase, reason, message: expect.stringContaining(message) })
    expect(told.length - length).toBe(state.state === 'waiting' ? 0 : 1)
  })
})
