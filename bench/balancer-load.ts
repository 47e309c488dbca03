import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import type { ExternalObject } from '@/contracts/host/v1/external'
import { backend, balancer, listener } from '@/host/balancers/testing/balancer-lab'
import { ExternalLab, networkId, type Agent } from '@/host/balancers/testing/external-lab'
import { HOST, network, pod } from '@/host/network/testing/lab'
import { run } from '@/platform/exec'
import type { Bench } from './promise'
import { describe, median } from './statistics'

const rounds = 12
const secondsEach = 2
/** Changes that begin after a rest are carried out one by one; those that go on and on, together: that is what is measured. */
const secondsBefore = 2
const connections = 16
const changesEachSecond = 10
const ports = [8080, 8081, 8082, 8083, 8084, 8085] as const
const sides = ['bare', 'ours'] as const
type Side = (typeof sides)[number]
type Measured = { rate: number; p99: number; errors: number }

/** What a load balancer of ours costs against HAProxy alone, while its endpoints come and go. */
export const balancerLoad: Bench = {
  name: 'balancer-load',
  title: 'A load balancer under load',
  promises: [
    { id: 'balancer-requests', text: `Requests a second over TLS of HAProxy alone, against those of a load balancer of which ${changesEachSecond} endpoints a second come and go`, unit: '×', atMost: 1.11, digits: 2 },
    { id: 'balancer-p99', text: 'The same, a request\'s time, p99, of the load balancer against HAProxy alone', unit: '×', atMost: 1.5, digits: 2 },
    { id: 'balancer-errors', text: 'Requests that failed meanwhile', unit: '', atMost: 0, digits: 0 },
  ],
  run: async (say) => {
    const lab = await ExternalLab.create()
    const agent = await lab.agent()
    try {
      const load = await underLoad(lab, agent, say)
      return {
        values: {
          'balancer-requests': median(load.bare.map(({ rate }, at) => rate / (load.ours[at]?.rate ?? NaN))), 'balancer-p99': median(load.ours.map(({ p99 }, at) => p99 / (load.bare[at]?.p99 ?? NaN))),
          'balancer-errors': load.ours.reduce((sum, { errors }) => sum + errors, 0),
        },
        details: `Pods are namespaces behind veths that answer as fast as HAProxy can; a client outside keeps ${connections} TLS connections busy. In turn, ${rounds} times ${secondsEach} s each: through HAProxy alone, in a namespace of its own between the host and
a router before the pods, without a packet filter or a jail, and through a load balancer (the bridge of the outside, namespace and jail of its own, the tenant's network with its rules), of which an endpoint comes or goes ${changesEachSecond} times a second, since ${secondsBefore} s.
Figures are medians of the ratios of neighbours.

| | HAProxy alone | load balancer |
|---|---|---|
| requests a second | ${describe(load.bare.map(({ rate }) => rate), 0)} | ${describe(load.ours.map(({ rate }) => rate), 0)} |
| p99, ms | ${describe(load.bare.map(({ p99 }) => p99), 2)} | ${describe(load.ours.map(({ p99 }) => p99), 2)} |`,
      }
    } finally {
      lab.tell(agent)
      await agent.outside.balancers.settled()
      await agent.outside.leave()
      await lab.destroy()
    }
  },
}

/** Answers at once, and reads each request: written to standard input of a shell that becomes it. */
const fastServer = `global
  maxconn 2000
  nbthread 1
defaults
  mode http
  timeout client 60s
  timeout http-request 10s
frontend pod
${ports.map((port) => `  bind 0.0.0.0:${port}`).join('\n')}
  http-request return status 200 content-type text/plain string ok
`

const bareProxy = (certificate: string, addresses: readonly string[]) => `global
  maxconn 2000
  nbthread 1
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
  timeout http-request 10s
frontend web
  bind 0.0.0.0:443 ssl crt ${certificate}
  default_backend pods
backend pods
  balance roundrobin
${addresses.flatMap((address) => ports.map((port) => `  server s${address.replaceAll('.', '-')}-${port} ${address}:${port}`)).join('\n')}
`

/** Keeps TLS connections busy for so many seconds a line of input, and says what it saw: requests one after another on each, which begins anew after 1,000. */
const client = `
const tls = require('node:tls')
const [atOnce, seconds] = process.argv.slice(1).map(Number)
const request = 'GET / HTTP/1.1\\r\\nhost: bench.example.com\\r\\n\\r\\n'
const measure = (address) => new Promise((resolve) => {
  const times = []; let errors = 0, open = 0, over = false
  const begin = performance.now()
  const connect = () => {
    open += 1
    let asked = 0, left = 1000, text = '', done = false
    const socket = tls.connect({ host: address, port: 443, rejectUnauthorized: false, servername: 'bench.example.com', ALPNProtocols: ['http/1.1'] })
    const end = (failed) => { if (done) return; done = true; if (failed) errors += 1; socket.destroy(); open -= 1; if (!over) setImmediate(connect); else if (open === 0) resolve({ rate: times.length / ((performance.now() - begin) / 1000), times, errors }) }
    const ask = () => { if (over || left-- === 0) return end(false); asked = performance.now(); socket.write(request) }
    socket.setNoDelay(true).on('secureConnect', ask).on('data', (chunk) => { text += chunk.latin1Slice(); if (!text.endsWith('\\r\\n\\r\\nok')) return; if (!text.startsWith('HTTP/1.1 200')) errors += 1; text = ''; times.push(performance.now() - asked); ask() }).on('error', () => end(true)).on('close', () => end(asked > 0 && left >= 0 && !over))
  }
  for (let n = 0; n < atOnce; n++) connect()
  setTimeout(() => (over = true), seconds * 1000)
})
require('node:readline').createInterface({ input: process.stdin }).on('line', async (address) => {
  const { rate, times, errors } = await measure(address)
  times.sort((a, b) => a - b)
  console.log(JSON.stringify({ rate, p99: times[Math.floor(times.length * 0.99)] ?? 0, errors }))
})
console.log('ready')
`
const measured = z.object({ rate: z.number(), p99: z.number(), errors: z.number() })

/**
 * A HAProxy in a namespace; resolves once it listens. `inSession`: in a session of its own, as a service has and as the load balancer's HAProxy is. The kernel shares processors among sessions (sched(7), autogroup):
 * where others use the machine, too, one of its client's and pods' session takes turns with them, which the load balancer's cannot. Measured there: 51 µs of processor time a request, and 57 in its own.
 */
async function haproxyIn(lab: ExternalLab, namespace: string, configuration: string, port: number, inSession = false): Promise<void> {
  const script = 'printf %s "$1" >"$2" || exit; (until ss -Hltn "sport = :$3" | grep -q .; do sleep 0.05; done; echo ready) & exec haproxy -db -f "$2"'
  const [command = '', ...args] = [...(inSession ? ['setsid'] : []), 'sh', '-c', script, 'sh', configuration, `${lab.folders.external}-${namespace}.cfg`, String(port)]
  await lab.start(namespace, command, args)
}

async function underLoad(lab: ExternalLab, agent: Agent, say: (line: string) => void): Promise<Record<Side, Measured[]>> {
  const certificate = await lab.certificate('bench.example.com')
  const [bare, way] = [`hyt-${lab.lab.hostTag}-bare`, `hyt-${lab.lab.hostTag}-way`]
  for (const namespace of [bare, way]) await run('ip', ['netns', 'add', namespace])
  await run('ip', ['link', 'add', 'name', 'bare0', 'netns', lab.lab.host, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', bare])
  await run('ip', ['link', 'add', 'name', 'way0', 'netns', bare, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', way])
  await lab.lab.ip(lab.lab.host, ['address add 10.9.0.1/24 dev bare0', 'link set bare0 up'])
  await lab.lab.ip(lab.outside, [`route add 10.9.0.0/24 via ${HOST}`])
  await lab.lab.ip(bare, ['link set lo up', 'address add 10.9.0.2/24 dev eth0', 'link set eth0 up', 'route add default via 10.9.0.1', 'address add 10.9.1.1/24 dev way0', 'link set way0 up', 'route add 10.9.0.0/16 via 10.9.1.2'])
  await lab.lab.ip(way, ['link set lo up', 'address add 10.9.1.2/24 dev eth0', 'link set eth0 up'])
  await lab.lab.in(way, 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
  // Packets on bridges pass the host's filters of IP only where other programs want it (br_netfilter, which Docker loads).
  await lab.lab.in(lab.lab.host, 'sysctl', '-qew', 'net.bridge.bridge-nf-call-iptables=0', 'net.bridge.bridge-nf-call-ip6tables=0', 'net.bridge.bridge-nf-call-arptables=0')
  const pods = [2, 3, 4]
  for (const last of pods) {
    const attachment = { network: network(1, { id: networkId }), pod: pod(randomUUID(), last) }
    const namespace = await lab.lab.start(agent.network, attachment)
    await run('ip', ['link', 'add', 'name', `pod${last}`, 'netns', way, 'type', 'veth', 'peer', 'name', 'eth1', 'netns', namespace])
    await lab.lab.ip(way, [`address add 10.9.${last}.1/24 dev pod${last}`, `link set pod${last} up`])
    await lab.lab.ip(namespace, [`address add 10.9.${last}.2/24 dev eth1`, 'link set eth1 up', `route add 10.9.1.0/24 via 10.9.${last}.1`])
    await haproxyIn(lab, namespace, fastServer, ports[0])
  }
  const pem = `${lab.folders.external}-bench.pem`
  await run('sh', ['-c', 'cat >"$1"', 'sh', pem], { input: certificate.pem })
  await haproxyIn(lab, bare, bareProxy(pem, pods.map((last) => `10.9.${last}.2`)), 443, true)
  const one = balancer(7, { networkId, listeners: [listener(443, 'https', 'web', { certificates: [certificate.id] })], backends: [backend('web', 'http')] })
  const all = pods.flatMap((last) => ports.map((port) => ({ address: `10.0.0.${last}`, port, weight: 1 })))
  const servers = (list: typeof all): ExternalObject => ({ kind: 'backendServers', balancerUid: one.uid, backend: 'web', servers: list })
  agent.outside.external.takeCertificates({ kind: 'certificates', complete: true, certificates: [certificate] })
  lab.tell(agent, one, servers(all))
  await agent.outside.balancers.settled()
  const { child, lines } = await lab.start(lab.outside, 'node', ['-e', client, String(connections), String(secondsEach)])
  const ask = async (address: string) => {
    child.stdin?.write(`${address}\n`)
    return measured.parse(JSON.parse(String((await lines.next()).value)))
  }
  const results: Record<Side, Measured[]> = { bare: [], ours: [] }
  let turn = 0
  for (let round = 0; round <= rounds; round++) {
    for (const side of round % 2 ? sides : [...sides].reverse()) {
      const timer = side === 'ours' ? setInterval(() => {
        turn += 1
        // Endpoints leave one after the other, each for five turns.
        const gone = new Set([0, 1, 2, 3, 4].map((back) => (turn - back + all.length) % all.length))
        agent.outside.external.take({ kind: 'externalObjects', complete: false, set: [servers(all.filter((_, at) => !gone.has(at)))], remove: [] })
      }, 1000 / changesEachSecond) : undefined
      if (timer) await delay(secondsBefore * 1000)
      const seen = await ask(side === 'ours' ? '198.18.100.7' : '10.9.0.2')
      clearInterval(timer)
      if (round > 0) results[side].push(seen)
      say(`${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}, ${side}: ${seen.rate.toFixed(0)} requests/s, p99 ${seen.p99.toFixed(2)} ms, ${seen.errors} errors`)
    }
  }
  return results
}
