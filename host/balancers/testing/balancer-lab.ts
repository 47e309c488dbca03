import { spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import type { HostBalancer } from '@/contracts/host/v1/external'
import { defaultOptions, type BalancerBackend, type BalancerListener } from '@/domain/load-balancer/model'
import { until } from '@/host/network/testing/lab'
import { run } from '@/platform/exec'
import type { BalancerParts, Haproxy } from '../ports'

export const listener = (port: number, protocol: BalancerListener['protocol'], backend: string | null, fields: Partial<BalancerListener> = {}): BalancerListener => ({ port, protocol, certificates: [], rules: [], defaultBackend: backend, redirectToHttps: null, acceptProxy: false, ...fields })
export const backend = (name: string, mode: BalancerBackend['mode'], fields: Partial<BalancerBackend> = {}): BalancerBackend => ({ name, mode, protocol: 'http1', sendProxy: false, algorithm: 'roundrobin', stickyCookie: null, ...fields })
export const silent = { info: () => {}, warn: () => {}, error: () => {} }

/** Where all is UDP there is none. */
export const noHaproxy = (): Haproxy => ({ bring: () => Promise.reject(new Error('a HAProxy for UDP')), release: () => Promise.resolve(), lost: () => Promise.resolve(), isRunning: () => Promise.resolve(false), stop: () => Promise.resolve(), serversDown: () => Promise.resolve([]), servers: () => Promise.resolve([]), counters: () => Promise.resolve([]), log: async function* () {} })

/** A balancer with its number as the last part of its addresses, in network 1. */
export function balancer(number: number, fields: Partial<HostBalancer> = {}): HostBalancer {
  return {
    kind: 'balancer', uid: randomUUID(), tenantId: '0'.repeat(32), namespace: 'default', name: `b${number}`, number, networkId: '00000000-0000-4000-8000-000000000001',
    network: { number: 1, mtu: 1450, subnets: [{ cidr: '10.0.0.0/24', gateway: '10.0.0.1' }], inner: [`10.0.0.${200 + number}`], mac: `02:00:00:00:01:${number.toString(16).padStart(2, '0')}`, outbound: 'none' },
    addresses: [`198.18.100.${number}`], listeners: [], backends: [], options: { ...defaultOptions, logOneOf: 1 }, until: null, ...fields,
  }
}

/** A namespace that plays everything outside and one that plays all pods of a network, with links of the shape that bridges and networks make. For what lies between them alone. */
export class BalancerLab {
  readonly hostTag = randomBytes(3).toString('hex')
  readonly outside = `hyt-${this.hostTag}-out`
  readonly pods = `hyt-${this.hostTag}-pods`
  private readonly servers: (() => Promise<void>)[] = []
  /** Called before a link is made or removed; may throw. */
  fault: (what: string, addresses?: readonly string[]) => void = () => {}

  static async create(): Promise<BalancerLab> {
    const lab = new BalancerLab()
    for (const name of [lab.outside, lab.pods]) {
      await run('ip', ['netns', 'add', name])
      await run('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
    }
    await run('ip', ['-n', lab.outside, 'address', 'add', '198.18.100.1/32', 'dev', 'lo'])
    return lab
  }

  /** Links and nothing of HAProxy, which a test gives. */
  parts(haproxy: BalancerParts['haproxy']): BalancerParts {
    return {
      hostTag: this.hostTag, run, log: silent, haproxy, haproxies: { endUnwritten: () => Promise.resolve(0), removeBut: () => Promise.resolve(0) },
      outside: {
        attach: async ({ addresses, number }, namespace, device) => {
          this.fault('attach outside', addresses)
          await this.link(this.outside, `o${number}`, namespace, device)
          await this.batch(namespace, [...addresses.map((address) => `address replace ${address}/32 dev ${device}`), `route replace 198.18.100.1 dev ${device} scope link`, `route replace default via 198.18.100.1 dev ${device}`])
          await this.batch(this.outside, addresses.map((address) => `route replace ${address}/32 dev o${number}`))
        },
        detach: async ({ number }) => {
          this.fault('detach outside')
          await run('ip', ['-n', this.outside, 'link', 'delete', `o${number}`]).catch(() => {})
        },
      },
      network: {
        attach: async ({ number, network: { inner } }, namespace, device) => {
          this.fault('attach network')
          await this.link(this.pods, `i${number}`, namespace, device)
          await this.batch(namespace, [...inner.map((address) => `address replace ${address}/32 dev ${device}`), `route replace 10.0.0.0/24 dev ${device} scope link`])
          await this.batch(this.pods, inner.map((address) => `route replace ${address}/32 dev i${number}`))
        },
        detach: async ({ number }) => {
          this.fault('detach network')
          await run('ip', ['-n', this.pods, 'link', 'delete', `i${number}`]).catch(() => {})
        },
      },
    }
  }

  private async link(peerNamespace: string, peer: string, namespace: string, device: string): Promise<void> {
    const { stdout } = await run('ip', ['-n', namespace, '-o', 'link', 'show'])
    if (!stdout.includes(`: ${device}@`)) await run('ip', ['link', 'add', 'name', peer, 'netns', peerNamespace, 'type', 'veth', 'peer', 'name', device, 'netns', namespace])
    await this.batch(peerNamespace, [`link set ${peer} up`])
    await this.batch(namespace, [`link set ${device} up`])
  }

  private batch(namespace: string, lines: readonly string[]) {
    return run('ip', ['-n', namespace, '-batch', '-'], { input: `${lines.join('\n')}\n` })
  }

  in(namespace: string, command: string, ...args: string[]) {
    return run('nsenter', [`--net=/run/netns/${namespace}`, command, ...args])
  }

  async pod(address: string): Promise<void> {
    await this.batch(this.pods, [`address replace ${address}/32 dev lo`])
  }

  /** Answers each datagram with a word. */
  async serveUdp(address: string, port: number, word: string): Promise<void> {
    await this.pod(address)
    await this.serve('perl', ['-MIO::Socket::INET', '-e', 'my $s = IO::Socket::INET->new(Proto => "udp", LocalAddr => $ARGV[0], LocalPort => $ARGV[1]) or die; while (1) { my $question; my $from = $s->recv($question, 100); defined $from and $s->send($ARGV[2], 0, $from) }', address, String(port), word], async () => (await this.in(this.pods, 'ss', '-Hlun', `src ${address} and sport = :${port}`)).stdout !== '')
  }

  /** Answers each connection with a word. Returns what ends it. */
  async serveTcp(address: string, port: number, word: string): Promise<() => Promise<void>> {
    await this.pod(address)
    return this.serve('socat', [`TCP4-LISTEN:${port},bind=${address},reuseaddr,fork`, `SYSTEM:echo ${word}`], async () => (await this.in(this.pods, 'ss', '-Hltn', `src ${address} and sport = :${port}`)).stdout !== '')
  }

  private async serve(command: string, args: readonly string[], isReady: () => Promise<boolean>): Promise<() => Promise<void>> {
    const child = spawn('nsenter', [`--net=/run/netns/${this.pods}`, command, ...args], { stdio: 'ignore' })
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
    const end = () => (child.kill('SIGKILL'), ended)
    this.servers.push(end)
    await until(isReady)
    return end
  }

  /** What answers a datagram from the outside, from a port of its own or the one given; null: nobody within five seconds. */
  async askUdp(address: string, port: number, from?: number): Promise<string | null> {
    const { stdout } = await this.in(this.outside, 'perl', '-MIO::Socket::INET', '-e', 'alarm 5; my $s = IO::Socket::INET->new(Proto => "udp", PeerAddr => $ARGV[0], PeerPort => $ARGV[1], LocalPort => $ARGV[2], ReuseAddr => 1) or die; $s->send("x"); my $answer; print $answer if defined $s->recv($answer, 100)', address, String(port), String(from ?? 0)).catch(() => ({ stdout: '' }))
    return stdout.trim() || null
  }

  async askTcp(address: string, port: number): Promise<string | null> {
    const { stdout } = await this.in(this.outside, 'socat', '-T', '10', '-u', `TCP4:${address}:${port},connect-timeout=1`, '-').catch(() => ({ stdout: '' }))
    return stdout.trim() || null
  }

  /** What balancers left: their namespaces, and links into them. */
  async traces(): Promise<string[]> {
    const names = (await readdir('/run/netns')).filter((name) => name.startsWith(`hypb-${this.hostTag}-`))
    const links = await Promise.all([this.outside, this.pods].map(async (name) => (await run('ip', ['-n', name, '-o', 'link'])).stdout.split('\n').map((line) => line.split(': ')[1] ?? '').filter((link) => link !== '' && link !== 'lo')))
    return [...names, ...links.flat()]
  }

  async destroy(): Promise<void> {
    await Promise.all(this.servers.map((end) => end()))
    const mine = (await readdir('/run/netns')).filter((name) => name.startsWith(`hypb-${this.hostTag}-`) || name.startsWith(`hyt-${this.hostTag}-`))
    for (const name of mine) await run('ip', ['netns', 'delete', name])
  }
}
