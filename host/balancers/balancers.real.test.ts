import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { ExternalObject } from '@/contracts/host/v1/external'
import { run } from '@/platform/exec'
import type { Certificate } from './ports'
import { uptimeMs } from './server-lease'
import { balancer, backend, listener } from './testing/balancer-lab'
import { ExternalLab, networkId, type Agent } from './testing/external-lab'

const address = '198.18.100.7'
const state = z.object({ process: z.object({ identity: z.object({ pid: z.number() }) }) })

describe('balancers of a host', () => {
  let lab: ExternalLab
  let agent: Agent
  let certificate: Certificate
  const rules = [{ id: 'a', host: 'a.example.com', path: null, backend: 'a' }, { id: 'b', host: 'b.example.com', path: null, backend: 'b' }]
  const one = balancer(7, { networkId, backends: [backend('a', 'http'), backend('b', 'http')] })
  const servers = (name: string, ...last: number[]): ExternalObject => ({ kind: 'backendServers', balancerUid: one.uid, backend: name, servers: last.map((digit) => ({ address: `10.0.0.${digit}`, port: 8080, weight: 1 })) })
  const wanted = () => ({ ...one, listeners: [listener(443, 'https', null, { certificates: [certificate.id], rules })] })
  const report = () => agent.outside.balancers.report(one.uid)
  const pid = async () => state.parse(JSON.parse(await readFile(join(lab.folders.balancers, one.uid, 'state.json'), 'utf8'))).process.identity.pid
  const settled = () => agent.outside.balancers.settled()
  const certify = () => agent.outside.external.takeCertificates({ kind: 'certificates', complete: true, certificates: [certificate] })

  beforeAll(async () => {
    lab = await ExternalLab.create()
    agent = await lab.agent()
    for (const [last, name] of [[2, 'one'], [3, 'two'], [4, 'three']] as const) await lab.web(agent, last, name)
    certificate = await lab.certificate('example.com')
  })
  afterAll(async () => {
    await agent.outside.leave()
    await lab.destroy()
  })

  it('lead the outside to three pods behind a floating address, by two names, over TLS', async () => {
    certify()
    lab.tell(agent, wanted(), servers('a', 2, 3), servers('b', 4))
    await settled()
    expect(report()).toEqual({ kind: 'balancer', uid: one.uid, phase: 'Active', reason: 'Serving', message: '' })
    expect(new Set([await lab.curl(address, 'https://a.example.com/'), await lab.curl(address, 'https://a.example.com/')])).toEqual(new Set(['one', 'two']))
    expect(await lab.curl(address, 'https://b.example.com/')).toBe('three')
  })

  it('take connections from the outside alone, and remember none of TCP in the table of connections', async () => {
    const [inner = ''] = one.network.inner
    // Its pods answer it, and begin nothing towards it; nor does what it runs begin anything but to its pods.
    await expect(lab.lab.in(lab.podNamespace('one'), 'curl', '-sk', '--max-time', '2', `https://${inner}/`)).rejects.toThrow()
    const inside = `hypb-${lab.lab.hostTag}-n7`
    for (const target of [`https://${inner}/`, 'https://127.0.0.1/', 'http://10.0.0.2:8081/', 'http://10.0.0.1/']) await expect(lab.lab.in(inside, 'curl', '-sk', '--max-time', '2', target), target).rejects.toThrow()
    expect(await lab.curl(address, 'https://b.example.com/')).toBe('three')
    expect((await lab.lab.in(inside, 'conntrack', '-L', '-p', 'tcp')).stdout).toBe('')
  })

  it('answer at an address of IPv6, too, for pods of IPv4', async () => {
    const [six, gateway] = ['2001:db8:100::7', '2001:db8:100::1']
    // A way there, as an operator's routers would have.
    await lab.lab.ip(lab.lab.host, ['address replace 2001:db8:1::2/64 dev eth0 nodad'])
    await lab.lab.ip(lab.outside, ['address replace 2001:db8:1::1/64 dev eth0 nodad', 'route replace 2001:db8:100::/64 via 2001:db8:1::2'])
    await lab.lab.ip(lab.lab.host, ['route replace default via 2001:db8:1::1'])
    const pool: ExternalObject = { kind: 'addressPool', uid: '00000000-0000-4000-8000-0000000000f6', name: 'six', cidr: '2001:db8:100::/64', gateway }
    lab.tell(agent, pool, { ...wanted(), addresses: [address, six] }, servers('a', 2, 3), servers('b', 4))
    await settled()
    await expect.poll(() => lab.curl(`[${six}]`, 'https://b.example.com/').catch(() => 'nobody'), { timeout: 20_000 }).toBe('three')
    expect(await lab.curl(address, 'https://b.example.com/')).toBe('three')
    lab.tell(agent, wanted(), servers('a', 2, 3), servers('b', 4))
    await settled()
    expect(await lab.curl(`[${six}]`, 'https://b.example.com/', 3).catch(() => 'nobody')).toBe('nobody')
    await lab.lab.ip(lab.lab.host, ['route delete default via 2001:db8:1::1'])
    expect(report()).toMatchObject({ phase: 'Active' })
  })

  it('replace backends one by one under load without an error', async () => {
    const loads = await Promise.all([lab.load(address, 'a.example.com'), lab.load(address, 'a.example.com', { keepAlive: true })])
    for (const now of [[2, 3], [3], [3, 4], [4], [4, 2], [2], [2, 3]]) {
      agent.outside.external.take({ kind: 'externalObjects', complete: false, set: [servers('a', ...now)], remove: [] })
      await settled()
      await new Promise((resolve) => setTimeout(resolve, 150))
    }
    const seen = await Promise.all(loads.map((end) => end()))
    for (const { errors, answers } of seen) {
      expect(errors).toEqual({})
      expect(Object.keys(answers).sort()).toEqual(['one', 'three', 'two'])
    }
    expect(report()).toMatchObject({ phase: 'Active' })
  })

  it('give who leaves nothing new at once, where changes go on and on and the rest of them waits for its turn', async () => {
    let changes = 0
    await agent.outside.leave()
    agent = await lab.agent((program, args, options) => {
      if (args.includes('nft') && args.some((arg) => arg.endsWith(`hypb-${lab.lab.hostTag}-n7`))) changes += 1
      return run(program, args, options)
    })
    certify()
    lab.tell(agent, wanted(), servers('a', 2, 3), servers('b', 4))
    await settled()
    const end = await lab.load(address, 'a.example.com', { keepAlive: true })
    const began = performance.now()
    changes = 0
    for (let i = 0; i < 30; i += 1) {
      agent.outside.external.take({ kind: 'externalObjects', complete: false, set: [servers('a', 3, ...(i % 2 === 0 ? [4] : [2]))], remove: [] })
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    // The packet filter changes twice a second in the end, and as often as it is asked to at first.
    expect(changes).toBeLessThanOrEqual(8 + (performance.now() - began) / 500)
    agent.outside.external.take({ kind: 'externalObjects', complete: false, set: [servers('a', 4)], remove: [] })
    await expect.poll(async () => new Set(await Promise.all(Array.from({ length: 4 }, () => lab.curl(address, 'https://a.example.com/'))))).toEqual(new Set(['three']))
    await settled()
    const { errors } = await end()
    expect(errors).toEqual({})
    lab.tell(agent, wanted(), servers('a', 2, 3), servers('b', 4))
    await settled()
  })

  it('go on when the agent is killed, and are taken up by the next without a cut', async () => {
    const before = await pid()
    const end = await lab.load(address, 'a.example.com')
    await agent.outside.leave()
    agent = await lab.agent()
    await settled()
    // Without certificates, which nobody kept: HAProxy has those it had.
    expect(report()?.phase).toBe('Active')
    certify()
    lab.tell(agent, wanted(), servers('a', 3, 4), servers('b', 4))
    await settled()
    await expect.poll(() => lab.curl(address, 'https://a.example.com/')).toBe('three')
    const { errors } = await end()
    expect(errors).toEqual({})
    expect(await pid()).toBe(before)
    expect(report()).toMatchObject({ phase: 'Active' })
  })

  it('fall silent by themselves once the server was not heard of for their time, also when no agent runs', async () => {
    expect(agent.outside.external.leased()).toBe(null)
    agent.outside.heard(uptimeMs())
    lab.tell(agent, { ...wanted(), until: 5 }, servers('a', 3), servers('b', 4))
    await settled()
    // It says so itself, once kernel and disk are as far.
    await expect.poll(() => agent.outside.external.leased(), { timeout: 30_000 }).not.toBe(null)
    // The next agent hears that there is no such time any more: what was guarded is free.
    await agent.outside.leave()
    agent = await lab.agent()
    certify()
    lab.tell(agent, wanted(), servers('a', 3), servers('b', 4))
    await settled()
    expect((await lab.traces()).join()).not.toContain('_lease_')
    agent.outside.heard(uptimeMs())
    lab.tell(agent, { ...wanted(), until: 20 }, servers('a', 3), servers('b', 4))
    await settled()
    expect(await lab.curl(address, 'https://a.example.com/')).toBe('two')
    await agent.outside.leave()
    await expect.poll(() => lab.curl(address, 'https://a.example.com/', 3).catch(() => 'nobody'), { timeout: 60_000, interval: 200 }).toBe('nobody')
    agent = await lab.agent()
    expect(await lab.traces()).not.toContain(`hypb-${lab.lab.hostTag}-n7`)
    agent.outside.heard(uptimeMs())
    certify()
    lab.tell(agent, wanted(), servers('a', 3), servers('b', 4))
    await settled()
    expect(report()).toMatchObject({ phase: 'Active' })
    expect(await lab.curl(address, 'https://b.example.com/')).toBe('three')
  })

  it('lead what waits for a pod that died to another, once they hear of it', async () => {
    await lab.web(agent, 5, 'dead')
    const patient = { ...wanted(), options: { ...one.options, connectSeconds: 60 } }
    // What is sent to it comes to nobody, as to a machine that ended.
    await lab.lab.in(lab.podNamespace('dead'), 'ip', 'link', 'delete', 'eth0')
    const ended: string[] = []
    await agent.outside.leave()
    agent = await lab.agent(async (command, args, ...more) => {
      const result = await run(command, args, ...more)
      if (args.includes('ss')) ended.push(args.join(' '))
      return result
    })
    certify()
    lab.tell(agent, patient, servers('a', 5), servers('b', 4))
    await settled()
    const waiting = async () => (await lab.lab.in(`hypb-${lab.lab.hostTag}-n7`, 'ss', '-Htn', 'state', 'syn-sent')).stdout
    const answer = lab.curl(address, 'https://a.example.com/', 60)
    answer.catch(() => {})
    // What HAProxy has begun for a client: its checks wait there, too.
    await expect.poll(async () => (await agent.outside.balancers.servers(one.uid)).find(({ server }) => server === '10.0.0.5:8080')?.connections, { timeout: 20_000 }).toBe(1)
    await expect.poll(waiting, { timeout: 20_000 }).toContain('10.0.0.5:8080')
    lab.tell(agent, patient, servers('a', 3), servers('b', 4))
    await expect.poll(() => ended.join(), { timeout: 20_000 }).toContain('-K -H -t -n state syn-sent ( dst 10.0.0.5:8080 )')
    expect(await waiting()).toBe('')
    expect(await answer).toBe('two')
    lab.tell(agent, wanted(), servers('a', 3), servers('b', 4))
    await settled()
  })

  it('cut what is under way at a pod whose machine is gone, and let it end at one that only leaves', async () => {
    await lab.web(agent, 6, 'mute')
    const inside = lab.podNamespace('mute')
    // Takes what is asked, and answers nothing.
    await lab.start(inside, 'node', ['-e', "require('node:net').createServer((socket) => socket.on('error', () => {}).resume()).listen(8081, '10.0.0.6', () => console.log('ready'))"])
    const at = (name: string, ...places: [number, number][]): ExternalObject => ({ kind: 'backendServers', balancerUid: one.uid, backend: name, servers: places.map(([digit, port]) => ({ address: `10.0.0.${digit}`, port, weight: 1 })) })
    const change = async (object: ExternalObject) => {
      agent.outside.external.take({ kind: 'externalObjects', complete: false, set: [object], remove: [] })
      await settled()
    }
    // Over HTTP/2 HAProxy refuses the stream, and curl asks by itself anew.
    const ask = async (...options: string[]) => (await lab.lab.in(lab.outside, 'curl', '-sk', '--http1.1', '--max-time', '50', ...options, '-w', ' %{http_code}', '--resolve', `a.example.com:443:${address}`, 'https://a.example.com/')).stdout.trim()
    const open = async () => (await lab.lab.in(`hypb-${lab.lab.hostTag}-n7`, 'ss', '-Htn', 'state', 'established', 'dst', '10.0.0.6:8081')).stdout.trim().split('\n').filter(Boolean).length
    await change(at('a', [6, 8081]))
    const asked = [ask('--data', 'once'), ask()]
    await expect.poll(open, { timeout: 20_000 }).toBe(2)
    await change(at('a', [3, 8080]))
    // It leaves, and has its time.
    expect(await open()).toBe(2)
    agent.outside.balancers.lost(networkId, ['10.0.0.6'])
    // What may be asked twice is asked of another.
    expect(await Promise.all(asked)).toEqual([expect.stringMatching(/ 502$/), 'two 200'])
    expect(await open()).toBe(0)
    // Dead before the server says that it left: others have what is under way at once, and nothing new goes there.
    await change(at('a', [6, 8081]))
    const answer = ask()
    await expect.poll(open, { timeout: 20_000 }).toBe(1)
    await change(at('a', [6, 8081], [3, 8080]))
    await lab.lab.in(inside, 'ip', 'link', 'delete', 'eth0')
    agent.outside.balancers.lost(networkId, ['10.0.0.6'])
    expect(await answer).toBe('two 200')
    expect(await Promise.all([ask(), ask(), ask()])).toEqual(['two 200', 'two 200', 'two 200'])
    lab.tell(agent, wanted(), servers('a', 3, 4), servers('b', 4))
    await settled()
  })

  it('serve to the end what clients have at a listener that is removed, and begin nothing there', async () => {
    await lab.start(lab.podNamespace('one'), 'node', ['-e', "require('node:http').createServer((_, response) => setTimeout(() => response.end('late'), 2000)).listen(8083, '10.0.0.2', () => console.log('ready'))"])
    const slow: ExternalObject = { kind: 'backendServers', balancerUid: one.uid, backend: 'a', servers: [{ address: '10.0.0.2', port: 8083, weight: 1 }] }
    lab.tell(agent, { ...wanted(), listeners: [...wanted().listeners, listener(8080, 'http', 'a')] }, slow, servers('b', 4))
    await settled()
    const answer = lab.curl(address, 'http://a.example.com:8080/', 30)
    await expect.poll(async () => (await lab.lab.in(`hypb-${lab.lab.hostTag}-n7`, 'ss', '-Htn', 'state', 'established', 'dst', '10.0.0.2:8083')).stdout, { timeout: 20_000 }).not.toBe('')
    lab.tell(agent, wanted(), slow, servers('b', 4))
    await settled()
    await expect(lab.curl(address, 'http://a.example.com:8080/')).rejects.toThrow()
    expect(await answer).toBe('late')
    lab.tell(agent, wanted(), servers('a', 3, 4), servers('b', 4))
    await settled()
  })

  it('come back when HAProxy is killed, and nothing fails but what it had', async () => {
    const end = await lab.load(address, 'b.example.com')
    const before = await pid()
    process.kill(before, 'SIGKILL')
    await expect.poll(async () => (await pid()) !== before && report()?.phase === 'Active' && (await lab.curl(address, 'https://b.example.com/').catch(() => '')), { timeout: 20_000, interval: 50 }).toBe('three')
    const { longestGapMs, errors } = await end()
    // Two seconds are asked: e2e/balancer-faults tells what it takes in a whole installation. A busy machine may take longer.
    expect(longestGapMs).toBeLessThan(20_000)
    // What is refused or reset while it is not there, and nothing that HAProxy itself says.
    expect(Object.keys(errors).filter((what) => !['ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes(what))).toEqual([])
  })

  it('are taken up or begun anew wherever an agent is killed, and delete to nothing', async () => {
    await agent.outside.leave()
    // Each step with HYPERNETES_FUZZ_RUNS=2 or more; else every tenth, others each time.
    const stride = Number(process.env.HYPERNETES_FUZZ_RUNS ?? 1) > 1 ? 1 : 10
    for (let at = Math.floor(Math.random() * stride), isOver = false; !isOver; at += stride) {
      const killed = killedAfter(at)
      const dead = await Promise.race([lab.agent(killed.run), killed.isDead.then(() => null)])
      if (dead) {
        dead.outside.external.takeCertificates({ kind: 'certificates', complete: true, certificates: [certificate] })
        // In turn: all of it comes, and all of it goes.
        lab.tell(dead, ...(Math.random() < 0.5 ? [] : [wanted(), servers('a', 2), servers('b', 4)]))
        isOver = await Promise.race([dead.outside.balancers.settled().then(() => true), killed.isDead.then(() => false)])
        void dead.outside.leave()
      }
      agent = await lab.agent()
      certify()
      lab.tell(agent, wanted(), servers('a', 2), servers('b', 4))
      await settled()
      await expect.poll(() => report()?.phase).toBe('Active')
      expect(await lab.curl(address, 'https://a.example.com/')).toBe('one')
      if (!isOver) await agent.outside.leave()
    }
    lab.tell(agent)
    await settled()
    expect(report()).toMatchObject({ phase: 'Gone' })
    await expect.poll(() => lab.traces()).toEqual([])
  })
})

/** Commands as of an agent that is killed: none ends any more after so many. */
function killedAfter(count: number): { run: typeof run; isDead: Promise<void> } {
  let left = count
  let die = () => {}
  const isDead = new Promise<void>((resolve) => (die = resolve))
  const limited: typeof run = (...call) => {
    if (left-- > 0) return run(...call)
    die()
    return new Promise(() => {})
  }
  return { run: limited, isDead }
}
