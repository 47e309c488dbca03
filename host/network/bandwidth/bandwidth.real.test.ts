import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Bandwidth, PodPort } from '../attachment'
import { ServiceWorld, type Pod } from '../services/testing/service-world'
import { bandwidthSection } from './bandwidth-section'
import { Shaping } from './shaping'

let world: ServiceWorld
let shaping: Shaping
let from: Pod
let to: Pod
let bandwidth = new Map<string, Bandwidth>()
/** What had arrived when limits changed last. */
let limited: Arrived

beforeAll(async () => {
  world = await ServiceWorld.create([5, 6])
  shaping = new Shaping(world.kernel)
  ;[from, to] = [world.pod(5), world.pod(6)]
  for (const address of [to.address, to.ipv6]) await to.peer.serve({ address, port: 9000 }, 'sink', true)
})
afterAll(() => world?.destroy())
beforeEach(() => limit(null))

const ports = (): PodPort[] => world.state().ports.map((port) => ({ ...port, bandwidth: bandwidth.get(port.uid) }))

async function limit(pod: Pod | null, fields: Partial<Bandwidth> = {}): Promise<void> {
  limited = await received(to)
  bandwidth = new Map(pod ? [[pod.uid, { ingress: null, egress: null, ...fields }]] : [])
  world.others = [bandwidthSection({ ports: ports() })]
  await Promise.all([world.apply(), shaping.apply(ports())])
}

const links = z.array(z.object({ stats64: z.object({ tx: z.object({ bytes: z.number() }) }) }))

/** What the kernel has handed to a pod's device so far, and the moments (ms) between which it said so: a machine that is busy makes them differ. */
type Arrived = { megabits: number; asked: number; told: number }

async function received(pod: Pod): Promise<Arrived> {
  const asked = performance.now()
  const [link] = links.parse(JSON.parse(await world.in('ip', '-s', '-j', 'link', 'show', 'dev', pod.tap)))
  return { megabits: (link?.stats64.tx.bytes ?? NaN) * 8 / 1e6, asked, told: performance.now() }
}

/** Floods, and reads what has arrived once it flows and `seconds` later. */
async function flooded(address = to.address, seconds = 1): Promise<[before: Arrived, after: Arrived]> {
  // Longer than it is looked at: a busy machine takes long to look.
  const flood = from.peer.number('flood', { address, port: 9000, seconds: seconds + 3 })
  await pause(400)
  const before = await received(to)
  await pause(seconds * 1000)
  const after = await received(to)
  await flood
  return [before, after]
}

const megabitsOf = (from: Arrived, until: Arrived) => until.megabits - from.megabits
const mostSeconds = (from: Arrived, until: Arrived) => (until.told - from.asked) / 1000
const leastSeconds = (from: Arrived, until: Arrived) => (until.asked - from.told) / 1000

/** Never more since the limit was set than it lets through in that time, with a full bucket of a second, the largest packet and 2 % of headers; and not much less once it flows. */
async function expectAbout(megabits: number, address = to.address): Promise<void> {
  const [before, after] = await flooded(address)
  expect(megabitsOf(limited, after)).toBeLessThan((megabits * (mostSeconds(limited, after) + 1) + 2 ** 20 / 1e6) * 1.02)
  expect(megabitsOf(before, after)).toBeGreaterThan(megabits * leastSeconds(before, after) * 0.6)
}

async function expectUnlimited(): Promise<void> {
  const [before, after] = await flooded(to.address, 0.5)
  expect(megabitsOf(before, after) / mostSeconds(before, after)).toBeGreaterThan(100)
}

describe('a limit of a pod’s bandwidth', () => {
  it('holds for what it receives, in both families, and changes while it runs', async () => {
    await expectUnlimited()
    await limit(to, { ingress: 20_000_000 })
    await expectAbout(20)
    const flood = from.peer.number('flood', { address: to.ipv6, port: 9000, seconds: 2.5 })
    await limit(to, { ingress: 80_000_000 })
    // Both floods together.
    await expectAbout(80)
    await flood
  })

  it('holds for what it sends, and is another for each way', async () => {
    await limit(from, { egress: 20_000_000, ingress: 5_000_000 })
    await expectAbout(20)
    await limit(from, { egress: 80_000_000 })
    await expectAbout(80, to.ipv6)
  })

  it('goes with the limit, and with the pod’s tap', async () => {
    await limit(to, { ingress: 1_000_000 })
    await limit(null)
    expect(await world.in('tc', 'qdisc', 'show')).not.toContain('tbf')
    await expectUnlimited()
  })

  it('is one that the kernel takes, however high; beyond what it counts there is none', async () => {
    for (const bits of [1000, 99_999_999_999, 100_000_000_000]) await limit(to, { ingress: bits, egress: bits })
    expect(await world.in('tc', 'qdisc', 'show')).toContain('rate 100Gbit')
    for (const bits of [100_000_000_001, 144_000_000_000, 1e12, 1e15]) {
      await limit(to, { ingress: bits, egress: bits })
      expect(await world.in('tc', 'qdisc', 'show')).not.toContain('tbf')
    }
    await limit(null)
  })

  it('comes back when another program took it away or changed it', async () => {
    await limit(to, { ingress: 20_000_000 })
    await world.in('tc', 'qdisc', 'delete', 'dev', to.tap, 'root')
    await world.in('tc', 'qdisc', 'add', 'dev', from.tap, 'root', 'tbf', 'rate', '1mbit', 'burst', '20k', 'latency', '50ms')
    await shaping.repair(ports())
    const shown = await world.in('tc', 'qdisc', 'show')
    expect(shown).toContain(`dev ${to.tap} root`)
    expect(shown).toContain('rate 20Mbit')
    expect(shown).not.toContain(`tbf 8001: dev ${from.tap}`)
    expect(shown.match(/tbf/g)).toHaveLength(1)
    await limit(null)
  })
})
