import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { pino } from 'pino'
import { run } from '@/platform/exec'
import type { Attachment, NetworkSpec, PodPort } from '../attachment'
import { HostNetwork, type HostNetworkOptions, type Port } from '../host-network'
import { gatewayMac, standInPeerName } from '../names'

export const UIDS = { first: 700_000, last: 709_999 }
export const OUTSIDE = '203.0.113.1'
export const HOST = '203.0.113.2'
export const METADATA = '169.254.169.254'

/** A network for a test, 10.0.0.0/24 with gateway 10.0.0.1 unless told otherwise. */
export function network(number: number, fields: Partial<NetworkSpec> = {}): NetworkSpec {
  return { id: `network-${number}`, number, cidr: '10.0.0.0/24', gateway: '10.0.0.1', outbound: 'none', ...fields }
}

/** A pod whose address and MAC end in `last`. */
export function pod(uid: string, last: number, fields: Partial<PodPort> = {}): PodPort {
  return { uid, address: `10.0.0.${last}`, prefixLength: 24, mac: `02:00:00:00:00:${last.toString(16).padStart(2, '0')}`, runAsUid: UIDS.first + last, ...fields }
}

/**
 * A small world for one test: a namespace that plays the host, one that plays everything outside, and one a
 * pod. No link leads out of it. All names carry the host tag, which is random.
 */
export class Lab {
  readonly hostTag = randomBytes(3).toString('hex')
  readonly host = `hyt-${this.hostTag}-host`
  readonly outside = `hyt-${this.hostTag}-out`
  private readonly podNamespaces: string[] = []
  private readonly servers: { stop(): Promise<void> }[] = []

  static async create(): Promise<Lab> {
    const lab = new Lab()
    await run('ip', ['netns', 'add', lab.host])
    await run('ip', ['netns', 'add', lab.outside])
    await lab.ip(lab.host, ['link set lo up', `link add eth0 type veth peer name eth0 netns ${lab.outside}`, `address add ${HOST}/24 dev eth0`, 'link set eth0 up', `route add default via ${OUTSIDE}`])
    await lab.ip(lab.outside, ['link set lo up', `address add ${OUTSIDE}/24 dev eth0`, `address add ${METADATA}/32 dev lo`, 'link set eth0 up'])
    // A link takes a moment to have its carrier, and says so in routes.
    await until(async () => !(await lab.traces()).routes.join().includes('linkdown'))
    return lab
  }

  hostNetwork(options: Partial<HostNetworkOptions> = {}): HostNetwork {
    return new HostNetwork({ hostTag: this.hostTag, uidRange: UIDS, uplinkNetns: this.host, deviceKind: 'veth', log: pino({ level: 'silent' }), ...options })
  }

  ip(namespace: string, lines: readonly string[]) {
    return run('ip', ['-n', namespace, '-batch', '-'], { input: `${lines.join('\n')}\n` })
  }

  /** Removes a link where there is one, as a try of a test left it that failed. */
  async unlink(namespace: string, link: string): Promise<void> {
    await this.ip(namespace, [`link delete ${link}`]).catch(() => {})
  }

  in(namespace: string, command: string, ...args: string[]) {
    return run('nsenter', [`--net=/run/netns/${namespace}`, command, ...args])
  }

  /** Puts a namespace where a guest would be: its eth0 is the far end of the pod's device. Returns its name. */
  async guest(port: Port, { network: spec, pod }: Attachment): Promise<string> {
    const name = `hyt-${this.hostTag}-p${this.podNamespaces.length}`
    await run('ip', ['netns', 'add', name])
    this.podNamespaces.push(name)
    await this.ip(port.netns, [`link set ${standInPeerName(pod.uid)} netns ${name}`])
    await this.ip(name, [
      'link set lo up', `link set ${standInPeerName(pod.uid)} name eth0 address ${pod.mac} mtu ${port.mtu} addrgenmode none`, 'link set eth0 up',
      `address add ${pod.address}/${pod.prefixLength} dev eth0`, `route add default via ${spec.gateway}`,
      // As a guest's agent does it: in IPv6 nobody is asked for.
      ...(pod.ipv6 && spec.ipv6 ? [`address add ${pod.ipv6.address}/128 dev eth0 nodad`, `neigh replace ${spec.ipv6.gateway} lladdr ${gatewayMac(spec.number)} nud permanent dev eth0`, `route add ${spec.ipv6.gateway}/128 dev eth0`, `route add default via ${spec.ipv6.gateway} dev eth0`] : []),
    ])
    return name
  }

  /** Attaches a pod and puts a guest there. */
  async start(hosts: HostNetwork, attachment: Attachment): Promise<string> {
    return this.guest(await hosts.attach(attachment), attachment)
  }

  /** Whether one of two pings is answered. */
  async pings(from: string, address: string): Promise<boolean> {
    return succeeds(this.in(from, 'busybox', 'ping', '-c', '2', '-A', '-W', '1', '-w', '1', address))
  }

  /** Waits until a ping is answered: a link takes a moment to come up. */
  async reaches(from: string, address: string): Promise<void> {
    await until(() => this.pings(from, address))
  }

  /** Listens on TCP port 8080 in a namespace, answers with a line, until the lab is taken down. */
  async serve(namespace: string, answer: string, family: 4 | 6 = 4): Promise<void> {
    const child = spawn('nsenter', [`--net=/run/netns/${namespace}`, 'socat', `TCP${family}-LISTEN:8080,reuseaddr,fork`, `EXEC:echo ${answer}`], { stdio: 'ignore' })
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
    this.servers.push({ stop: () => (child.kill('SIGKILL'), ended) })
    await until(async () => (await this.in(namespace, 'ss', '-Hltn', 'sport = :8080')).stdout !== '')
  }

  /** What a server answers on TCP port 8080, or null when there is no way to it. */
  async fetch(from: string, address: string): Promise<string | null> {
    const { stdout } = await this.in(from, 'socat', '-T', '10', '-u', `TCP:${address}:8080,connect-timeout=1`, '-').catch(() => ({ stdout: null }))
    return stdout?.trim() ?? null
  }

  /** Waits until a server there gives this answer. */
  async hears(from: string, address: string, answer: string): Promise<void> {
    await until(async () => await this.fetch(from, address) === answer)
  }

  /** Counts packets that arrive in a namespace and match, for instance `ip saddr 10.0.0.9`. */
  async count(namespace: string, match: string): Promise<() => Promise<number>> {
    const table = `watch_${randomBytes(4).toString('hex')}`
    const family = match.startsWith('arp') ? 'arp' : 'netdev'
    const hook = family === 'arp' ? 'input' : 'ingress device eth0'
    await run('nsenter', [`--net=/run/netns/${namespace}`, 'nft', '-f', '-'], {
      input: `table ${family} ${table} {\n chain c { type filter hook ${hook} priority -400; ${match} counter\n }\n}\n`,
    })
    return async () => Number(/packets (\d+)/.exec((await this.in(namespace, 'nft', 'list', 'table', family, table)).stdout)?.[1])
  }

  /** Everything that the product may leave behind, countable: namespaces of this tag, links, routes and tables of the host. */
  async traces(): Promise<{ namespaces: string[]; links: string[]; routes: string[]; tables: string[] }> {
    const names = await readdir('/run/netns')
    const lines = async (command: string, ...args: string[]) => (await this.in(this.host, command, ...args)).stdout.split('\n').filter((line) => line !== '')
    return {
      namespaces: names.filter((name) => name.startsWith(`hyp-${this.hostTag}-`)).sort(),
      links: (await lines('ip', '-o', 'link')).map((line) => line.split(': ')[1] ?? ''),
      routes: await lines('ip', 'route'),
      tables: await lines('nft', 'list', 'tables'),
    }
  }

  async destroy(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()))
    const names = await readdir('/run/netns')
    // Pods first, then networks: a veth that stands in for a tap goes with either end.
    const mine = names.filter((name) => name.startsWith(`hyt-${this.hostTag}-`) || name.startsWith(`hyp-${this.hostTag}-`))
    for (const name of mine) await run('ip', ['netns', 'delete', name])
  }
}

/** Waits for a condition, at most 100 seconds. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 100_000
  while (!await condition()) {
    if (Date.now() > end) throw new Error('the condition did not come true within 100 s')
    await pause(20)
  }
}

async function succeeds(command: Promise<unknown>): Promise<boolean> {
  return command.then(() => true, () => false)
}
