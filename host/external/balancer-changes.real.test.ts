import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { ExternalObject, HostBalancer } from '@/contracts/host/v1/external'
import { externalReportKey } from '@/host/balancers/external'
import { balancerNamespace } from '@/host/balancers/names'
import { backend, balancer, listener } from '@/host/balancers/testing/balancer-lab'
import { ExternalLab, networkId, type Agent } from '@/host/balancers/testing/external-lab'
import { until } from '@/host/network/testing/lab'
import { run } from '@/platform/exec'

const state = z.object({ process: z.object({ identity: z.object({ pid: z.number() }) }) })
/** Sends back what it is sent. */
const echo = "require('node:net').createServer((socket) => socket.on('data', (data) => socket.write(data)).on('error', () => {})).listen(9000, '10.0.0.5', () => console.log('ready'))"

describe('a balancer that runs', () => {
  let lab: ExternalLab
  let agent: Agent
  const open: ChildProcessWithoutNullStreams[] = []
  const one = balancer(7, { networkId, listeners: [listener(80, 'http', 'web'), listener(90, 'tcp', 'echo')], backends: [backend('web', 'http'), backend('echo', 'tcp')] })
  const servers = (name: string, last: number, port: number): ExternalObject => ({ kind: 'backendServers', balancerUid: one.uid, backend: name, servers: [{ address: `10.0.0.${last}`, port, weight: 1 }] })
  const report = () => agent.outside.balancers.report(one.uid)
  const pid = async () => state.parse(JSON.parse(await readFile(join(lab.folders.balancers, one.uid, 'state.json'), 'utf8'))).process.identity.pid
  const namespace = () => balancerNamespace(lab.lab.hostTag, 7)

  async function give(fields: Partial<HostBalancer>): Promise<void> {
    lab.tell(agent, { ...one, ...fields }, servers('web', 2, 8080), servers('echo', 5, 9000))
    await agent.outside.balancers.settled()
    expect(report()).toMatchObject({ phase: 'Active' })
  }
  const says = (address: string) => lab.curl(address, 'http://example.com/').catch(() => null)
  /** A connection to an address of the balancer that stays open; `asks` resolves when what it sent came back. */
  async function connection(address: string): Promise<{ asks: () => Promise<void>; isOpen: () => boolean }> {
    const child = spawn('nsenter', [`--net=/run/netns/${lab.outside}`, 'socat', '-', `TCP:${address}:90`], { stdio: ['pipe', 'pipe', 'pipe'] })
    open.push(child)
    let heard = ''
    let asked = 0
    child.stdout.on('data', (data: Buffer) => (heard += data.toString()))
    const asks = async () => {
      const text = `question ${asked++}`
      child.stdin.write(`${text}\n`)
      await until(async () => heard.includes(text))
    }
    await asks()
    return { asks, isOpen: () => child.exitCode === null }
  }

  beforeAll(async () => {
    lab = await ExternalLab.create()
    agent = await lab.agent()
    await lab.web(agent, 2, 'web')
    await lab.web(agent, 5, 'echo')
    await lab.start(`hyt-${lab.lab.hostTag}-p1`, 'node', ['-e', echo])
  })
  afterAll(async () => {
    for (const child of open) child.kill('SIGKILL')
    await agent.outside.leave()
    await lab.destroy()
  })

  it('loses one of its addresses and gets another; HAProxy and connections to the others go on', async () => {
    const [first, second, third] = ['198.18.100.7', '198.18.100.8', '198.18.100.9']
    await give({ addresses: [first, second] })
    expect(await Promise.all([first, second].map(says))).toEqual(['web', 'web'])
    const before = await pid()
    const kept = await connection(second)
    await connection(first)
    await give({ addresses: [second] })
    expect(await says(first)).toBe(null)
    await kept.asks()
    expect(agent.network.external.portOf(namespace())?.addresses).toEqual([second])
    // It is another's to have at once.
    expect(agent.network.external.holderOf(first)).toBe(undefined)
    expect((await lab.lab.in(lab.lab.host, 'conntrack', '-L', '-f', 'ipv4')).stdout).not.toContain(`dst=${first} `)
    await give({ addresses: [second, third] })
    await until(async () => await says(third) === 'web')
    await kept.asks()
    await give({ addresses: [third, first, second] })
    await until(async () => await says(first) === 'web')
    await kept.asks()
    expect([kept.isOpen(), await pid()]).toEqual([true, before])
  })

  it('says that it does not hold an address any more once the kernel does not answer for it, and all that is asked of the other is answered meanwhile', async () => {
    const [first, second] = ['198.18.100.7', '198.18.100.8']
    const said: { addresses: readonly string[]; answer: Promise<string | null> }[] = []
    const told = () => agent.outside.external.report(externalReportKey(one))
    const certificate = await lab.certificate('example.com')
    agent.outside.external.takeCertificates({ kind: 'certificates', complete: true, certificates: [certificate] })
    const listeners = [...one.listeners, listener(443, 'https', 'web', { certificates: [certificate.id] })]
    await give({ addresses: [first, second], listeners })
    await until(async () => await says(first) === 'web')
    expect(told()).toMatchObject({ phase: 'Active', addresses: [first, second] })
    agent.outside.listen(() => said.push({ addresses: told()?.addresses ?? [first], answer: says(first) }))
    const [end, before] = [await lab.load(second, 'example.com'), await pid()]
    await give({ addresses: [second], listeners })
    await until(async () => said.some(({ addresses }) => !addresses.includes(first)))
    // When a report lacks it, nobody answers for it any more.
    expect(await Promise.all(said.filter(({ addresses }) => !addresses.includes(first)).map(({ answer }) => answer))).not.toContain('web')
    expect(told()).toMatchObject({ phase: 'Active', addresses: [second] })
    const { done, errors, answers, longestGapMs } = await end()
    expect({ errors, answers, pid: await pid() }).toEqual({ errors: {}, answers: { web: done }, pid: before })
    expect(done).toBeGreaterThan(0)
    expect(longestGapMs).toBeLessThan(10_000)
  })

  it('is made anew where its namespace’s name leads to none, and its network is repaired meanwhile', async () => {
    await agent.outside.leave()
    await run('umount', [`/run/netns/${namespace()}`])
    expect((await stat(`/run/netns/${namespace()}`)).isFile()).toBe(true)
    agent = await lab.agent()
    await agent.outside.balancers.settled()
    await give({})
    await until(async () => await says('198.18.100.7') === 'web')
    // A name of which the making was cut short, while the agent runs.
    await run('umount', [`/run/netns/${namespace()}`])
    await until(async () => {
      await agent.network.mend().catch(() => undefined)
      return await says('198.18.100.7') === 'web'
    })
    expect(await agent.network.mend()).toMatchObject({ lostTaps: [] })
    lab.tell(agent)
    await agent.outside.balancers.settled()
    expect(report()).toMatchObject({ phase: 'Gone' })
    expect(await lab.traces()).toEqual([])
  })
})
