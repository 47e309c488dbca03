import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '@/platform/exec'
import { logger } from '@/platform/logger'
import { OpenConnections } from './open-connections'
import { readServiceCounters } from './service-counters'
import { service, ServiceWorld, type Pod } from './testing/service-world'

let world: ServiceWorld
let client: Pod
let servers: Pod[]
const both = (pods: readonly Pod[]) => pods.flatMap(({ address, ipv6 }) => [address, ipv6])
const counts = (answers: readonly string[]) => Object.fromEntries([...new Set(answers)].sort().map((one) => [one, answers.filter((each) => each === one).length]))
const addresses = (n: number) => [`10.96.0.${n}`, `fd00:96::${n.toString(16)}`]
const pings = (address: string) => run('nsenter', [`--net=/run/netns/${client.namespace}`, 'busybox', 'ping', '-c', '1', '-W', '1', address]).then(() => true, () => false)

beforeAll(async () => {
  world = await ServiceWorld.create([5, 11, 12, 13])
  client = world.pod(5)
  servers = [11, 12, 13].map((last) => world.pod(last))
  await Promise.all([client, ...servers].flatMap(({ peer, last, address, ipv6 }) => [address, ipv6].flatMap((at) => (['tcp', 'udp'] as const).flatMap((protocol) => [8080, 8081].map((port) => peer.serve({ protocol, address: at, port }, `${last}:${port}`))))))
})
afterAll(() => world?.destroy())

describe('a service’s address', () => {
  it('leads to each of its endpoints about as often, in both families and protocols, and to none else', async () => {
    await world.apply([service(1, both(servers)), service(2, both(servers.slice(0, 2)), { protocol: 'udp', port: 53 })])
    for (const address of addresses(1)) {
      const told = counts(await client.peer.ask({ address, port: 80 }, 150))
      expect(Object.keys(told)).toEqual(['11:8080', '12:8080', '13:8080'])
      for (const each of Object.values(told)) expect(each).toBeGreaterThan(20)
    }
    for (const address of addresses(2)) {
      const told = counts(await client.peer.ask({ address, port: 53, protocol: 'udp' }, 100))
      expect(Object.keys(told)).toEqual(['11:8080', '12:8080'])
      for (const each of Object.values(told)) expect(each).toBeGreaterThan(20)
    }
  })

  it('has several ports, each with endpoints and a protocol of its own', async () => {
    const [http, admin] = [service(3, both(servers.slice(0, 1))), service(3, both(servers.slice(1, 2)), { port: 81, target: 8081 })]
    const dns = service(3, both(servers.slice(2)), { port: 80, protocol: 'udp' })
    await world.apply([{ ...http, ports: [...http.ports, ...admin.ports, ...dns.ports] }])
    for (const address of addresses(3)) {
      expect(await client.peer.ask({ address, port: 80 }, 3)).toEqual(Array(3).fill('11:8080'))
      expect(await client.peer.ask({ address, port: 81 }, 3)).toEqual(Array(3).fill('12:8081'))
      expect(await client.peer.ask({ address, port: 80, protocol: 'udp' }, 3)).toEqual(Array(3).fill('13:8080'))
    }
  })

  it('says at once that nobody is there: without endpoints, at another port, at an address of no service; a ping is told the same', async () => {
    await world.apply([service(4, []), service(5, both(servers))])
    for (const address of [...addresses(4), ...addresses(250)]) {
      expect(await client.peer.ask({ address, port: 80 })).toEqual(['refused'])
      expect(await client.peer.ask({ address, port: 80, protocol: 'udp' })).toEqual(['refused'])
    }
    for (const address of addresses(5)) {
      expect(await client.peer.ask({ address, port: 81 })).toEqual(['refused'])
      expect(await client.peer.ask({ address, port: 80, protocol: 'udp' })).toEqual(['refused'])
    }
    expect(await Promise.all(addresses(5).map(pings))).toEqual([false, false])
  })

  it('is reached by a pod that is its only endpoint itself', async () => {
    await world.apply([service(6, both([client]))])
    for (const address of addresses(6)) {
      expect(await client.peer.ask({ address, port: 80 }, 3)).toEqual(Array(3).fill('5:8080'))
      // And for others it is as any.
      expect(await servers[0]!.peer.ask({ address, port: 80 })).toEqual(['5:8080'])
    }
  })

  it('leads to pods of this host alone where it is said so, and refuses where there are none', async () => {
    const away = { kind: 'pod' as const, uid: crypto.randomUUID(), namespace: 'default', name: 'away', hostname: 'away', subdomain: null, hostId: crypto.randomUUID(), addresses: ['10.0.0.99', 'fd00::99'] }
    world.elsewhere = [away]
    await world.apply([service(7, [...away.addresses, ...both(servers.slice(0, 1))], { localOnly: true }), service(8, away.addresses, { localOnly: true })])
    for (const address of addresses(7)) expect(await client.peer.ask({ address, port: 80 }, 20)).toEqual(Array(20).fill('11:8080'))
    for (const address of addresses(8)) expect(await client.peer.ask({ address, port: 80 })).toEqual(['refused'])
    world.elsewhere = []
  })
})

describe('any services', () => {
  const targets = [11, 12, 13].flatMap((last) => [8080, 8081].flatMap((port) => [{ last, port }]))
  const portOf = fc.record({ protocol: fc.constantFrom('tcp' as const, 'udp' as const), port: fc.constantFrom(80, 443), targets: fc.subarray(targets), affinitySeconds: fc.constantFrom(null, null, 60), localOnly: fc.boolean() })
  const anyServices = fc.uniqueArray(fc.tuple(fc.integer({ min: 20, max: 23 }), fc.uniqueArray(portOf, { maxLength: 3, selector: ({ protocol, port }) => `${protocol} ${port}` })), { maxLength: 4, selector: ([n]) => n })

  it('load, one after another, and each connection comes to an endpoint of its own service and port, or is refused where there is none', async () => {
    await fc.assert(fc.asyncProperty(anyServices, fc.constantFrom(4, 6), async (all, family) => {
      const services = all.map(([n, ports]) => ({
        ...service(n, [], { affinitySeconds: ports[0]?.affinitySeconds ?? null, localOnly: ports[0]?.localOnly ?? false }),
        ports: ports.map(({ protocol, port, targets: led }) => ({ name: null, protocol, port, endpoints: led.flatMap(({ last, port: to }) => both([world.pod(last)]).map((address) => ({ address, port: to, hostId: null }))) })),
      }))
      await world.apply(services)
      for (const [n, ports] of all) {
        for (const protocol of ['tcp', 'udp'] as const) {
          for (const port of [80, 443]) {
            const led = ports.find((each) => each.protocol === protocol && each.port === port)?.targets ?? []
            // ICMP errors to one client are limited: of those that UDP is told with one is asked for.
            const told = led.length === 0 && protocol === 'udp' ? [] : await client.peer.ask({ address: addresses(n)[family === 4 ? 0 : 1]!, port, protocol }, 4)
            for (const one of told) expect(led.length === 0 ? ['refused'] : led.map(({ last, port: to }) => `${last}:${to}`)).toContain(one)
          }
        }
      }
    }), { numRuns: 25, endOnFailure: true })
  })

  it('lead to six endpoints of a port about as often', async () => {
    await world.apply([{ ...service(24, []), ports: [{ name: null, protocol: 'tcp', port: 80, endpoints: targets.map(({ last, port }) => ({ address: world.pod(last).address, port, hostId: null })) }] }])
    const told = Object.values(counts(await client.peer.ask({ address: addresses(24)[0]!, port: 80 }, 600)))
    expect(told).toHaveLength(6)
    // 100 expected, a standard deviation of 9.
    expect(Math.min(...told)).toBeGreaterThan(50)
    expect(Math.max(...told)).toBeLessThan(150)
  })
})

describe('affinity', () => {
  it('keeps a client at its endpoint as others come and go, gives it another when that one leaves, and ends with its time', async () => {
    for (const address of addresses(9)) {
      const stick = (pods: readonly Pod[]) => world.apply([service(9, both(pods), { affinitySeconds: 60 })])
      await stick(servers)
      const [mine = '', ...again] = await client.peer.ask({ address, port: 80 }, 20)
      expect(new Set(again)).toEqual(new Set([mine]))
      const own = servers.filter(({ last }) => mine === `${last}:8080`)
      const others = servers.filter((each) => !own.includes(each))
      for (const pods of [[...own, ...others.slice(1)], own, [...others, ...own]]) {
        await stick(pods)
        expect(new Set(await client.peer.ask({ address, port: 80 }, 5))).toEqual(new Set([mine]))
      }
      await stick(others)
      const next = await client.peer.ask({ address, port: 80 }, 20)
      expect(new Set(next).size).toBe(1)
      expect(next[0]).not.toBe(mine)
      // It is remembered in its own right now.
      await stick(servers)
      expect(new Set(await client.peer.ask({ address, port: 80 }, 10))).toEqual(new Set([next[0]]))
      expect(await world.in('nft', 'list', 'map', 'inet', 'hypernetes', 'service_affinity')).toContain('expires')
    }
    await world.in('nft', 'flush', 'map', 'inet', 'hypernetes', 'service_affinity')
    await world.apply([service(9, both(servers), { affinitySeconds: 1 })])
    await client.peer.ask({ address: addresses(9)[0]!, port: 80 })
    await expect.poll(() => world.in('nft', 'list', 'map', 'inet', 'hypernetes', 'service_affinity'), { timeout: 5000 }).not.toContain('expires')
  })
})

describe('a change', () => {
  it('leaves open connections to others alone, and ends none of the endpoint that only takes no new ones', async () => {
    await world.apply([service(10, both(servers))])
    const [address = ''] = addresses(10)
    // Each is led anew: that 32 find but two of three happens once in 150,000 runs.
    const clients = Array.from({ length: 32 }, (_, i) => `tcp-${i}`)
    const open: string[] = []
    for (const one of clients) open.push(await client.peer.open(one, { address, port: 80 }))
    expect(new Set(open).size).toBe(3)
    await world.apply([service(10, both(servers.slice(1)))])
    for (const one of clients) expect(await client.peer.say(one, `still ${one}`)).toBe(`still ${one}`)
    expect(new Set(await client.peer.ask({ address, port: 80 }, 30))).toEqual(new Set(['12:8080', '13:8080']))
    // The section goes as a whole, and with it nothing of a connection.
    await world.table.reload(world.table.state!)
    for (const one of clients) expect(await client.peer.say(one, `still ${one}`)).toBe(`still ${one}`)
  })
})

describe('an endpoint that has gone', () => {
  it('keeps no UDP client, ends TCP when its pod is gone and not before, and touches nobody else', async () => {
    const connections = new OpenConnections(world.kernel, logger('test'), 0)
    const [gone, stays] = [servers[0]!, servers[1]!]
    const all = (pods: readonly Pod[]) => [service(11, both(pods)), service(12, both(pods), { protocol: 'udp', port: 53 })]
    const change = async (pods: readonly Pod[]) => {
      await world.apply(all(pods))
      connections.follow(world.state())
      await connections.settled()
    }
    await change([gone])
    for (const [at, address] of addresses(11).entries()) expect(await client.peer.open(`gone-${at}`, { address, port: 80 })).toBe('11:8080')
    for (const [at, address] of addresses(12).entries()) {
      await client.peer.open(`udp-${at}`, { address, port: 53, protocol: 'udp' })
      expect(await client.peer.say(`udp-${at}`, 'who')).toBe('11:8080')
    }
    await change([gone, stays])
    const staying: string[] = []
    for (let i = 0; staying.length === 0; i += 1) if (await client.peer.open(`stays-${i}`, { address: addresses(11)[0]!, port: 80 }) === '12:8080') staying.push(`stays-${i}`)

    // No longer ready: it takes nothing new, what is open goes on. UDP knows no open.
    await change([stays])
    for (const at of [0, 1]) {
      expect(await client.peer.say(`gone-${at}`, 'on')).toBe('on')
      expect(await client.peer.say(`udp-${at}`, 'who')).toBe('12:8080')
    }
    // Its pod is gone, and its address may be another's tomorrow.
    const { pods } = world.state()
    connections.follow({ ...world.state(), pods: pods.filter(({ uid }) => uid !== gone.uid) })
    await connections.settled()
    for (const at of [0, 1]) {
      expect(await client.peer.say(`gone-${at}`, 'on')).toBe('refused')
      expect(await client.peer.say(`udp-${at}`, 'who')).toBe('12:8080')
    }
    expect(await client.peer.say(staying[0]!, 'and I')).toBe('and I')
    connections.stop()
  })
})

describe('what passes through a service', () => {
  it('is counted for it alone: connections, bytes there and back, of both families; and goes on through changes', async () => {
    const [counted, other] = [service(13, both(servers)), service(14, both(servers))]
    await world.apply([])
    await world.apply([counted, other])
    for (const address of addresses(13)) await client.peer.ask({ address, port: 80 }, 5)
    // Past services, and what is refused, is no traffic of theirs.
    await client.peer.ask({ address: servers[0]!.address, port: 8080 }, 3)
    await client.peer.ask({ address: addresses(13)[0]!, port: 99 }, 3)
    const read = async () => (await readServiceCounters(world.kernel, world.state())).get(counted.uid)!
    const first = await read()
    expect(first.connections).toBe(10)
    // At least a SYN, an ACK and a RST of 40 bytes there; a SYN-ACK and a line back.
    expect(first.receivedBytes).toBeGreaterThan(10 * 120)
    expect(first.receivedBytes).toBeLessThan(10 * 1000)
    expect(first.sentBytes).toBeGreaterThan(10 * 90)
    expect((await readServiceCounters(world.kernel, world.state())).get(other.uid)).toEqual({ receivedBytes: 0, sentBytes: 0, connections: 0 })
    await world.apply([service(13, both(servers.slice(1))), service(15, both(servers))])
    expect(await read()).toEqual(first)
    expect(await client.peer.open('counted', { address: addresses(13)[0]!, port: 80 })).toMatch(/:8080/)
    await client.peer.say('counted', 'x'.repeat(10_000))
    const second = await read()
    expect(second.connections).toBe(11)
    expect(second.receivedBytes - first.receivedBytes).toBeGreaterThan(10_000)
    expect(second.sentBytes - first.sentBytes).toBeGreaterThan(10_000)
  })
})
