import { randomUUID } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { HostBalancer } from '@/contracts/host/v1/external'
import { backend, balancer, listener } from '@/host/balancers/testing/balancer-lab'
import { ExternalLab, pool, type Agent } from '@/host/balancers/testing/external-lab'
import type { Bench } from './promise'
import { describe, median, percentile } from './statistics'

const many = 1000
const perNetwork = 100

/** What each of very many load balancers on one machine costs. */
export const balancerCrowd: Bench = {
  name: 'balancer-crowd',
  title: 'Very many load balancers',
  promises: [
    { id: 'balancer-memory', text: `Memory of a load balancer, of ${many.toLocaleString('en')} on one machine`, unit: 'MiB', atMost: 24, digits: 1 },
    { id: 'balancer-one-more', text: `One more load balancer until it answers, with ${many.toLocaleString('en')} on the machine against the first`, unit: '×', atMost: 2, digits: 2 },
  ],
  run: async (say) => {
    // An agent's waits keep no process alive; this one has nothing else to live for.
    const alive = setInterval(() => {}, 60_000)
    const lab = await ExternalLab.create()
    const agent = await lab.agent()
    try {
      const crowd = await crowded(lab, agent, say)
      return {
        values: { 'balancer-memory': crowd.memoryMiB, 'balancer-one-more': median(crowd.more) / median(crowd.first) },
        details: `${many.toLocaleString('en')} load balancers of one listener, ${perNetwork} a network; memory is what the kernel counts of all their processes together (shared pages divided), and of one more the time from the server's message until its host says that it answers, ${crowd.more.length} times.

| | first | with ${many.toLocaleString('en')} |
|---|---|---|
| until it answers, ms | ${describe(crowd.first, 0)} | ${describe(crowd.more, 0)} |`,
      }
    } finally {
      lab.tell(agent)
      await agent.outside.balancers.settled()
      await agent.outside.leave()
      await lab.destroy()
      clearInterval(alive)
    }
  },
}

/** A balancer of one listener, in one of some networks of its own. */
function small(n: number): HostBalancer {
  const number = 100 + n
  const own = 100 + Math.floor(n / perNetwork)
  return {
    ...balancer(number, { listeners: [listener(80, 'http', 'web')], backends: [backend('web', 'http')] }), networkId: `00000000-0000-4000-8000-${own.toString(16).padStart(12, '0')}`,
    network: { number: own, mtu: 1450, subnets: [{ cidr: '10.0.0.0/16', gateway: '10.0.0.1' }], inner: [`10.0.${1 + (n >> 7)}.${1 + (n & 127)}`], mac: `02:00:00:01:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`, outbound: 'none' }, addresses: [`198.19.${n >> 7}.${1 + (n & 127)}`],
  }
}

async function crowded(lab: ExternalLab, agent: Agent, say: (line: string) => void) {
  const wide = { ...pool, uid: randomUUID(), name: 'many', cidr: '198.19.0.0/16', gateway: '198.19.255.1' }
  lab.tell(agent, wide)
  await agent.outside.balancers.settled()
  const take = async (...objects: HostBalancer[]) => {
    const from = performance.now()
    agent.outside.external.take({ kind: 'externalObjects', complete: false, set: objects, remove: [] })
    await agent.outside.balancers.settled()
    return performance.now() - from
  }
  const remove = async (one: HostBalancer) => {
    agent.outside.external.take({ kind: 'externalObjects', complete: false, set: [], remove: [`balancer/${one.uid}`] })
    await agent.outside.balancers.settled()
  }
  const first: number[] = []
  for (let n = 0; n < 5; n++) {
    const one = small(0)
    first.push(await take(one))
    await remove(one)
  }
  for (let n = 0; n < many; n += 20) {
    await take(...Array.from({ length: 20 }, (_, at) => small(n + at)))
    if (n % perNetwork === 0) say(`${n + 20} of ${many} load balancers`)
  }
  const failed = agent.outside.balancers.reports().filter(({ phase }) => phase !== 'Active' && phase !== 'Gone')
  if (failed.length > 0) throw new Error(`${failed.length} of ${many} load balancers do not answer: ${failed[0]?.message}`)
  const memoryMiB = await memoryOf(lab) / many
  const more: number[] = []
  for (let n = 0; n < 5; n++) {
    const one = small(many)
    more.push(await take(one))
    await remove(one)
  }
  say(`a load balancer has ${memoryMiB.toFixed(1)} MiB; the first takes ${median(first).toFixed(0)} ms, one more ${median(more).toFixed(0)} (p95 ${percentile(more, 95).toFixed(0)})`)
  return { first, more, memoryMiB }
}

/** MiB of all processes in balancers' jails: HAProxies and what holds their namespaces. */
async function memoryOf(lab: ExternalLab): Promise<number> {
  let kilobytes = 0
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(join('/proc', pid, 'cmdline'), 'utf8').catch(() => '')
    const isJail = command.startsWith('bwrap') && command.includes(lab.folders.balancers)
    const isHaproxy = command.startsWith('haproxy') && command.includes('/balancer/haproxy.cfg') && (await readFile(join('/proc', pid, 'mountinfo'), 'utf8').catch(() => '')).includes(' /balancer ')
    if (!isJail && !isHaproxy) continue
    kilobytes += Number(/^Pss:\s+(\d+)/m.exec(await readFile(join('/proc', pid, 'smaps_rollup'), 'utf8').catch(() => ''))?.[1] ?? 0)
  }
  return kilobytes / 1024
}
