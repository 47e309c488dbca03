import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ExternalObject } from '@/contracts/host/v1/external'
import { Balancers } from './balancers'
import { balancer, backend, BalancerLab, listener, noHaproxy } from './testing/balancer-lab'

const always = { holds: () => true }

describe('a balancer of UDP', () => {
  let lab: BalancerLab
  let balancers: Balancers
  const one = balancer(7, { listeners: [listener(53, 'udp', 'dns'), listener(54, 'udp', 'same')], backends: [backend('dns', 'udp'), backend('same', 'udp', { algorithm: 'source' })] })
  const servers = (name: string, ...last: number[]): ExternalObject => ({ kind: 'backendServers', balancerUid: one.uid, backend: name, servers: last.map((digit) => ({ address: `10.0.0.${digit}`, port: 5353, weight: 1 })) })
  const told = async (...objects: ExternalObject[]) => {
    balancers.take(one.uid, [one, ...objects])
    await balancers.settled()
  }
  const answers = async (port: number, times: number) => new Set(await Promise.all(Array.from({ length: times }, () => lab.askUdp('198.18.100.7', port))))

  beforeAll(async () => {
    lab = await BalancerLab.create()
    for (const digit of [2, 3, 4]) await lab.serveUdp(`10.0.0.${digit}`, 5353, `pod${digit}`)
    balancers = await Balancers.open(lab.parts(noHaproxy), always, [])
  })
  afterAll(async () => {
    await balancers.leave()
    await lab.destroy()
  })

  it('leads in turn to who is ready, or by the client\'s address always to the same', async () => {
    await told(servers('dns', 2, 3), servers('same', 2, 3, 4))
    expect(balancers.report(one.uid)).toMatchObject({ phase: 'Active' })
    expect(await answers(53, 4)).toEqual(new Set(['pod2', 'pod3']))
    expect((await answers(54, 3)).size).toBe(1)
    await balancers.figures(0)
    await Promise.all([lab.askUdp('198.18.100.7', 53), lab.askUdp('198.18.100.7', 54), lab.askUdp('198.18.100.7', 54)])
    const figures = await balancers.figures(10_000)
    // A byte asked, four answered, each behind 28 of headers.
    expect(figures.map(({ part, connections, receivedBytes, sentBytes, latency }) => [part, connections, receivedBytes, sentBytes, latency])).toEqual([['', 3, 87, 96, null], ['backend/dns', 1, 29, 32, null], ['backend/same', 2, 58, 64, null]])
  })

  it('leads a client that goes on from the same port elsewhere once its server left, and refuses without any', async () => {
    const first = await lab.askUdp('198.18.100.7', 53, 40_000)
    await told(servers('dns', first === 'pod2' ? 3 : 2), servers('same', 2))
    expect(await lab.askUdp('198.18.100.7', 53, 40_000)).toBe(first === 'pod2' ? 'pod3' : 'pod2')
    await told(servers('dns'), servers('same', 2))
    expect(await lab.askUdp('198.18.100.7', 53, 40_000)).toBeNull()
    expect(await lab.askUdp('198.18.100.7', 54)).toBe('pod2')
  })

  it('lets nothing through from its namespace but what it is told of', async () => {
    await told(servers('dns', 2), servers('same', 2))
    const inside = `hypb-${lab.hostTag}-n7`
    await lab.serveTcp('10.0.0.9', 8080, 'secret')
    const connect = (to: string) => lab.in(inside, 'socat', '-T', '1', '-u', `TCP4:${to},connect-timeout=1`, '-').then(({ stdout }) => stdout, () => null)
    expect(await connect('10.0.0.9:8080')).toBeNull()
    expect(await connect('198.18.100.1:80')).toBeNull()
    // What a pod begins towards the balancer gets nowhere, and nor does the outside through it.
    await expect(lab.in(lab.pods, 'busybox', 'ping', '-c', '1', '-W', '1', '10.0.0.207')).rejects.toThrow()
    await lab.in(lab.outside, 'ip', 'route', 'replace', '10.0.0.9/32', 'via', '198.18.100.7', 'dev', 'o7', 'onlink')
    expect(await lab.askTcp('10.0.0.9', 8080)).toBeNull()
    await lab.in(lab.outside, 'busybox', 'ping', '-c', '1', '-W', '1', '198.18.100.7')
  })

  it('is adopted by the next agent, which leads a client nowhere else', async () => {
    await told(servers('dns', 2, 3), servers('same', 2, 3, 4))
    const before = await lab.askUdp('198.18.100.7', 53, 41_000)
    await balancers.leave()
    balancers = await Balancers.open(lab.parts(noHaproxy), always, [one, servers('dns', 2, 3), servers('same', 2, 3, 4)])
    await balancers.settled()
    expect(balancers.report(one.uid)).toMatchObject({ phase: 'Active' })
    expect(await lab.askUdp('198.18.100.7', 53, 41_000)).toBe(before)
  })

  it('leads who goes on to who is ready, also where an agent that knew of no UDP came between', async () => {
    await told(servers('dns', 2), servers('same', 2))
    expect(await lab.askUdp('198.18.100.7', 53, 42_000)).toBe('pod2')
    await balancers.leave()
    balancers = await Balancers.open(lab.parts(noHaproxy), always, [{ ...one, listeners: [] }])
    await balancers.settled()
    await told(servers('dns', 3), servers('same', 3))
    expect(await lab.askUdp('198.18.100.7', 53, 42_000)).toBe('pod3')
    await told(servers('dns', 2, 3), servers('same', 2, 3, 4))
  })

  it('is let go when the server was not heard of for its time, and comes when it says so', async () => {
    let isHeld = true
    await balancers.leave()
    const limited = { ...one, until: 5 }
    balancers = await Balancers.open(lab.parts(noHaproxy), { holds: (time) => time === null || isHeld }, [limited, servers('dns', 2)])
    await balancers.settled()
    expect(await lab.askUdp('198.18.100.7', 53)).toBe('pod2')
    isHeld = false
    await expect.poll(() => balancers.report(one.uid)?.reason).toBe('LetGo')
    expect(await lab.traces()).toEqual([])
    expect(balancers.mustHearAll).toBe(true)
    isHeld = true
    balancers.begin()
    balancers.take(one.uid, [limited, servers('dns', 2)])
    await balancers.settled()
    expect(await lab.askUdp('198.18.100.7', 53)).toBe('pod2')
  })

  it('tells what cannot be made, tries again by itself, and costs no other anything', async () => {
    const two = balancer(8, { listeners: one.listeners, backends: one.backends })
    lab.fault = (what) => {
      if (what === 'attach network') throw new Error('no room')
    }
    balancers.take(two.uid, [two])
    await expect.poll(() => balancers.report(two.uid)).toMatchObject({ phase: 'Failed', reason: 'NotStarted', message: 'The balancer does not answer: its link into the tenant\'s network cannot be made: no room. Its host tries again by itself; if this stays, tell the operators.' })
    expect(await lab.askUdp('198.18.100.7', 53)).toBe('pod2')
    lab.fault = () => {}
    await expect.poll(() => balancers.report(two.uid)?.phase).toBe('Active')
    balancers.take(two.uid, [])
    await balancers.settled()
    expect(balancers.report(two.uid)).toMatchObject({ phase: 'Gone' })
  })

  it('deletes to nothing, and says so also of what was never here', async () => {
    balancers.take(one.uid, [])
    await balancers.settled()
    expect(balancers.report(one.uid)).toMatchObject({ phase: 'Gone' })
    expect(await lab.traces()).toEqual([])
    balancers.take('00000000-0000-4000-8000-00000000000f', [])
    expect(balancers.report('00000000-0000-4000-8000-00000000000f')).toMatchObject({ phase: 'Gone' })
  })
})
