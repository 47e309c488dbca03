import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { run } from '@/platform/exec'

/** The nameserver outside, in TEST-NET-1; it knows `example.com` and all below it. */
export const outsideNameserver = '192.0.2.53'

/**
 * A network's namespace with its gateways, a namespace that stands for a pod of it, and one outside with a nameserver. Nothing leaves the machine.
 */
export class DnsLab {
  private readonly undo: (() => Promise<unknown>)[] = []
  readonly network: string
  readonly pod: string
  private readonly outside: string
  private constructor(
    readonly folder: string,
    tag: string,
  ) {
    this.network = `dns-${tag}-n`
    this.pod = `dns-${tag}-p`
    this.outside = `dns-${tag}-o`
  }

  static async open(): Promise<DnsLab> {
    const folder = await mkdtemp(join(tmpdir(), 'dns-lab-'))
    const lab = new DnsLab(folder, `${process.pid}${Math.floor(Math.random() * 1000)}`)
    lab.undo.push(() => rm(folder, { recursive: true, force: true }))
    await lab.makeNetwork()
    return lab
  }

  /** Makes the network's namespace once more, as a repair does, after its name was taken away. */
  async makeNetwork(): Promise<void> {
    const { network, pod, outside } = this
    for (const name of [network, pod, outside]) await run('ip', ['netns', 'delete', name]).catch(() => undefined)
    for (const name of [network, pod, outside]) {
      await run('ip', ['netns', 'add', name])
      this.undo.push(() => run('ip', ['netns', 'delete', name]).catch(() => undefined))
      await run('ip', ['-n', name, 'link', 'set', 'dev', 'lo', 'up'])
    }
    await run('ip', ['-n', network, '-batch', '-'], { input: [
      'address add 10.0.0.1/32 dev lo', 'address add fd00::1/128 dev lo nodad',
      `link add tap0 type veth peer name eth0 netns ${pod}`, `link add name up type veth peer name eth0 netns ${outside}`,
      'link set dev tap0 up', 'link set dev up up', 'address add 192.0.2.1/24 dev up', 'route add 10.0.0.5/32 dev tap0', 'address add fd00::2/128 dev tap0 nodad', 'route add fd00::5/128 dev tap0', ''].join('\n') })
    await run('ip', ['-n', pod, '-batch', '-'], { input: ['address add 10.0.0.5/24 dev eth0', 'address add fd00::5/64 dev eth0 nodad', 'link set dev eth0 up', ''].join('\n') })
    await run('ip', ['-n', outside, '-batch', '-'], { input: ['address add 192.0.2.53/24 dev eth0', 'link set dev eth0 up', 'route add 10.0.0.0/24 via 192.0.2.1', ''].join('\n') })
    // The pod's question goes to the gateway, whose address is on the loopback.
    await run('nsenter', [`--net=/run/netns/${network}`, 'sysctl', '-q', '-w', 'net.ipv4.conf.tap0.proxy_arp=1', 'net.ipv4.conf.tap0.rp_filter=0', 'net.ipv6.conf.all.forwarding=1', 'net.ipv6.conf.tap0.proxy_ndp=1'])
    await run('ip', ['-n', network, 'neigh', 'add', 'proxy', 'fd00::1', 'dev', 'tap0'])
  }

  /** Starts the nameserver outside. `log` tells what it was asked. */
  async nameserver(): Promise<{ asked: () => Promise<string>; stop: () => Promise<void> }> {
    const log = join(this.folder, 'outside.log')
    const child = spawn('nsenter', [`--net=/run/netns/${this.outside}`, 'dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--no-hosts', '--no-resolv', '--pid-file=', '--user=root', `--listen-address=${outsideNameserver}`, '--bind-interfaces', '--address=/example.com/198.51.100.7', '--local=/#/', '--local-ttl=60', '--log-queries', `--log-facility=${log}`], { stdio: 'inherit' })
    const stop = async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    }
    this.undo.push(stop)
    return { asked: () => readFile(log, 'utf8').catch(() => ''), stop }
  }

  async close(): Promise<void> {
    for (const step of this.undo.reverse()) await step()
  }
}
