import { randomBytes, randomUUID } from 'node:crypto'
import type { NetworkPod, NetworkService } from '@/contracts/host/v1/networks'
import { run } from '@/platform/exec'
import { NetworkNamespaceKernel } from '../../kernel'
import type { NetworkState } from '../../network-state'
import { tapName } from '../../names'
import { NETWORK_TABLE, type NftSection } from '../../table/model'
import { Table } from '../../table/table'
import { serviceSection, type ServiceState } from '../service-section'
import { Peer } from './peer'

const gatewayMac = '06:68:00:00:00:01'
export const gateways = { 4: '10.0.0.1', 6: 'fd00::1' } as const
export const serviceCidrs = ['10.96.0.0/16', 'fd00:96::/112']
export const subnets = [{ cidr: '10.0.0.0/16', gateway: gateways[4] }, { cidr: 'fd00::/64', gateway: gateways[6] }]

/** As the base of a network's namespace, as far as services meet it: what is not allowed is dropped, answers pass. */
const base: NftSection = {
  chains: new Map([
    ['input', { hook: 'type filter hook input priority filter; policy drop;', rules: ['iifname "tap*" ip daddr 10.0.0.1 icmp type echo-request accept'] }],
    ['forward', { hook: 'type filter hook forward priority filter; policy drop;', rules: ['ct state invalid drop', 'jump service_count', 'ct direction reply ct state established,related accept', 'iifname "tap*" oifname "tap*" accept'] }],
    ['output', { hook: 'type filter hook output priority filter; policy drop;', rules: ['meta l4proto { icmp, ipv6-icmp } accept', 'tcp flags & rst == rst accept'] }],
    ['translate', { hook: 'type nat hook postrouting priority srcnat; policy accept;', rules: ['jump service_snat'] }],
  ]),
}

export type Pod = { uid: string; last: number; address: string; ipv6: string; namespace: string; tap: string; peer: Peer }

/** A network's namespace and pods in namespaces of their own, joined by veths; nothing leads out. Services are loaded as the host loads them. */
export class ServiceWorld {
  readonly tag = randomBytes(3).toString('hex')
  readonly router = `hyt-${this.tag}-router`
  readonly kernel = new NetworkNamespaceKernel(this.router, run)
  readonly table = new Table(this.kernel)
  readonly pods: Pod[] = []
  services: NetworkService[] = []
  /** Sections beside the base and services. */
  others: NftSection[] = []
  /** Pods of the network on other hosts. */
  elsewhere: NetworkPod[] = []

  static async create(pods: readonly number[]): Promise<ServiceWorld> {
    const world = new ServiceWorld()
    await run('ip', ['netns', 'add', world.router])
    await world.kernel.set({ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1, 'net.ipv4.conf.all.send_redirects': 0, 'net.ipv4.conf.default.send_redirects': 0, 'net.ipv4.conf.default.rp_filter': 1 })
    await world.kernel.ipBatch(['link set lo up', `address add ${gateways[4]}/32 dev lo`, `address add ${gateways[6]}/128 dev lo nodad`, 'route add unreachable 10.0.0.0/16'])
    for (const last of pods) await world.addPod(last)
    await world.apply()
    return world
  }

  private async addPod(last: number): Promise<void> {
    const uid = randomUUID()
    const namespace = `hyt-${this.tag}-p${last}`
    const pod = { uid, last, address: `10.0.0.${last}`, ipv6: `fd00::${last.toString(16)}`, namespace, tap: tapName(uid) }
    const mac = `02:00:00:00:00:${last.toString(16).padStart(2, '0')}`
    await run('ip', ['netns', 'add', namespace])
    await this.kernel.ipBatch([
      `link add name ${pod.tap} mtu 1450 type veth peer name eth0 mtu 1450 netns ${namespace}`,
      `link set dev ${pod.tap} address ${gatewayMac} addrgenmode none up`,
      ...[pod.address, pod.ipv6].flatMap((address) => [`neigh replace ${address} lladdr ${mac} nud permanent dev ${pod.tap}`, `route replace ${address}/${address.includes(':') ? 128 : 32} dev ${pod.tap}`]),
    ])
    await new NetworkNamespaceKernel(namespace, run).ipBatch([
      'link set lo up', `link set dev eth0 address ${mac} addrgenmode none up`, `address add ${pod.address}/32 dev eth0`, `address add ${pod.ipv6}/128 dev eth0 nodad`,
      ...([4, 6] as const).flatMap((family) => [`neigh replace ${gateways[family]} lladdr ${gatewayMac} nud permanent dev eth0`, `-${family} route add ${gateways[family]} dev eth0`, `-${family} route add default via ${gateways[family]} dev eth0 onlink`].map((line) => line.replace(/^-[46] /, ''))),
    ])
    this.pods.push({ ...pod, peer: Peer.start(namespace) })
  }

  pod(last: number): Pod {
    const found = this.pods.find((each) => each.last === last)
    if (!found) throw new Error(`there is no pod ${last}`)
    return found
  }

  state(): ServiceState & Pick<NetworkState, 'pods'> {
    return {
      serviceCidrs, subnets, services: this.services,
      ports: this.pods.map(({ uid, last, address }) => ({ uid, address, prefixLength: 16, mac: `02:00:00:00:00:${last.toString(16).padStart(2, '0')}`, runAsUid: 700_000 })),
      pods: [...this.pods.map(({ uid, last, address, ipv6 }) => ({ kind: 'pod' as const, uid, namespace: 'default', name: `pod-${last}`, hostname: `pod-${last}`, subdomain: null, hostId: null, addresses: [address, ipv6] })), ...this.elsewhere],
    }
  }

  async apply(services: NetworkService[] = this.services): Promise<void> {
    this.services = services
    await this.table.load(new Map([[NETWORK_TABLE, [base, serviceSection(this.state()), ...this.others]]]))
  }

  in(command: string, ...args: string[]): Promise<string> {
    return this.kernel.command(command, args)
  }

  async destroy(): Promise<void> {
    await Promise.all(this.pods.map(({ peer }) => peer.stop()))
    for (const { namespace } of this.pods) await run('ip', ['netns', 'delete', namespace])
    await run('ip', ['netns', 'delete', this.router])
  }
}

type Fields = Partial<Omit<NetworkService, 'ports'>> & { protocol?: 'tcp' | 'udp'; port?: number; target?: number }

/** A service of one port that leads to these addresses; `n` makes its own address unless told. */
export function service(n: number, endpoints: readonly string[], { protocol = 'tcp', port = 80, target = 8080, ...fields }: Fields = {}): NetworkService {
  return {
    kind: 'service', uid: `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`, namespace: 'default', name: `service-${n}`, addresses: [`10.96.${n >> 8}.${n & 255}`, `fd00:96::${n.toString(16)}`],
    externalName: null, localOnly: false, affinitySeconds: null, hosts: [], ports: [{ name: null, protocol, port, endpoints: endpoints.map((address) => ({ address, port: target, hostId: null })) }], ...fields,
  }
}
