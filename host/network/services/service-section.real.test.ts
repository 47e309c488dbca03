import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '@/platform/exec'
import { service, ServiceWorld, type Pod } from './testing/service-world'

let world: ServiceWorld
let client: Pod
let servers: Pod[]
const both = (pods: readonly Pod[]) => pods.flatMap(({ address, ipv6 }) => [address, ipv6])
const counts = (answers: readonly string[]) => Object.fromEntries([...new Set(answers)].sort().map((one) => [one, answers.filter((each) => each === one).length]))

beforeAll(async () => {
  world = await ServiceWorld.create([5, 11, 12, 13])
  client = world.pod(5)
  servers = [11, 12, 13].map((last) => world.pod(last))
  await Promise.all([client, ...servers].flatMap(({ peer, last, address, ipv6 }) => [address, ipv6].flatMap((at) => (['tcp', 'udp'] as const).flatMap((protocol) => [8080, 8081].map((port) => peer.serve({ protocol, address: at, port }, `${last}:${port}`))))))
}, 30_000)
afterAll(() => world?.destroy())

describe('a service’s address', () => {
  it('leads to each of its endpoints about as often, in both families and protocols, and to none else', async () => {
    await world.apply([service(1, both(servers)), service(2, both(servers.slice(0, 2)), { protocol: 'udp', port: 53 })])
    for (const address of ['10.96.0.1', 'fd00:96::1']) {
      const told = counts(await client.peer.ask({ address, port: 80 }, 150))
      expect(Object.keys(told)).toEqual(['11:8080', '12:8080', '13:8080'])
      for (const each of Object.values(told)) expect(each).toBeGreaterThan(20)
    }
    for (const address of ['10.96.0.2', 'fd00:96::2']) {
      const told = counts(await client.peer.ask({ address, port: 53, protocol: 'udp' }, 100))
      expect(Object.keys(told)).toEqual(['11:8080', '12:8080'])
      for (const each of Object.values(told)) expect(each).toBeGreaterThan(20)
    }
  })
})
