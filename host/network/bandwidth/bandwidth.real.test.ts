import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Bandwidth, PodPort } from '../attachment'
import { ServiceWorld, type Pod } from '../services/testing/service-world'
import { bandwidthSection } from './bandwidth-section'
import { Shaping } from './shaping'

let world: ServiceWorld
let shaping: Shaping
let from: Pod
let to: Pod
let bandwidth = new Map<string, Bandwidth>()

beforeAll(async () => {
  world = await ServiceWorld.create([5, 6])
  shaping = new Shaping(world.kernel)
  ;[from, to] = [world.pod(5), world.pod(6)]
  for (const address of [to.address, to.ipv6]) await to.peer.serve({ address, port: 9000 }, 'sink', true)
}, 30_000)
afterAll(() => world?.destroy())

const ports = (): PodPort[] => world.state().ports.map((port) => ({ ...port, bandwidth: bandwidth.get(port.uid) }))

async function limit(pod: Pod | null, fields: Partial<Bandwidth> = {}): Promise<void> {
  bandwidth = new Map(pod ? [[pod.uid, { ingress: null, egress: null, ...fields }]] : [])
  world.others = [bandwidthSection({ ports: ports() })]
  await Promise.all([world.apply(), shaping.apply(ports())])
}

/** Megabits a second that arrive, measured once it flows. */
async function rate(address = to.address, seconds = 1): Promise<number> {
  const flood = from.peer.number('flood', { address, port: 9000, seconds: seconds + 0.5 })
  await pause(400)
  const [before, began] = [await to.peer.number('received', { text: 'sink' }), performance.now()]
  await pause(seconds * 1000)
  const arrived = (await to.peer.number('received', { text: 'sink' }) - before) * 8 / (performance.now() - began) / 1000
  await flood
  return arrived
}

/** TCP's own bytes are 3 to 4 % fewer than those on the wire. */
function expectAbout(measured: number, megabits: number): void {
  expect(measured).toBeGreaterThan(megabits * 0.8)
  expect(measured).toBeLessThan(megabits * 1.2)
}

describe('a limit of a pod’s bandwidth', () => {
  it('holds for what it receives, in both families, and changes while it runs', async () => {
    expect(await rate(to.address, 0.5)).toBeGreaterThan(200)
    await limit(to, { ingress: 20_000_000 })
    expectAbout(await rate(), 20)
    const flood = from.peer.number('flood', { address: to.ipv6, port: 9000, seconds: 2.5 })
    await limit(to, { ingress: 80_000_000 })
    // Both floods together.
    expectAbout(await rate(), 80)
    await flood
  })

  it('holds for what it sends, and is another for each way', async () => {
    await limit(from, { egress: 20_000_000, ingress: 5_000_000 })
    expectAbout(await rate(), 20)
    await limit(from, { egress: 80_000_000 })
    expectAbout(await rate(to.ipv6), 80)
  })

  it('goes with the limit, and with the pod’s tap', async () => {
    await limit(to, { ingress: 1_000_000 })
    await limit(null)
    expect(await world.in('tc', 'qdisc', 'show')).not.toContain('tbf')
    expect(await rate(to.address, 0.5)).toBeGreaterThan(200)
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
