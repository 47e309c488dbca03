import { randomUUID } from 'node:crypto'
import type { NetworkBase, NetworkObject, NetworkPeer, NetworkPolicyObject, NetworkPolicyRule, NetworkService } from '@/contracts/host/v1/networks'
import { endEach } from '@/tools/testing/cleanup'
import type { Attachment } from '../../attachment'
import type { HostNetwork } from '../../host-network'
import { gatewayMac, namespaceName, standInPeerName } from '../../names'
import { Lab, UIDS, until } from '../../testing/lab'
import { Speaker } from './speaker'

/** Ports that every pod and the outside serve. */
export const PORTS = [80, 81, 443, 5432] as const

/** A network of a tenant. `block`: the second number of its IPv4 subnet and the last of its IPv6 one, so that equal blocks are equal addresses. */
export type WorldNetwork = { name: string; tenant: string; number: number; block: number; peers?: readonly number[]; /** In bytes; 1450 unless told otherwise. */ mtu?: number }
export type WorldPod = { name: string; network: WorldNetwork; last: number }
export const v4 = ({ network, last }: WorldPod): string => `10.${network.block}.0.${last}`
export const v6 = ({ network, last }: WorldPod): string => `fd0${network.block}::${last.toString(16)}`
export const addressesOf = (pod: WorldPod): string[] => [v4(pod), v6(pod)]
export const subnetsOf = ({ block }: WorldNetwork): string[] => [`10.${block}.0.0/24`, `fd0${block}::/64`]
const gateways = ({ block }: WorldNetwork) => [`10.${block}.0.1`, `fd0${block}::1`] as const
export const idOf = ({ number }: WorldNetwork): string => `00000000-0000-4000-8000-0000000${number.toString().padStart(5, '0')}`

export const rule = (fields: Partial<NetworkPolicyRule>): NetworkPolicyRule => ({ id: 'rules[0]', direction: 'ingress', protocol: 'any', ports: null, icmpTypes: null, peer: { cidrs: null, addresses: null }, ...fields })
export const policy = (name: string, members: readonly WorldPod[], rules: readonly NetworkPolicyRule[], fields: Partial<NetworkPolicyObject> = {}): NetworkPolicyObject =>
  ({ kind: 'policy', uid: `00000000-0000-4000-8000-${Buffer.from(name.padEnd(6, '_').slice(0, 6)).toString('hex')}`, source: 'SecurityGroup', namespace: null, name, members: members.flatMap(addressesOf), directions: ['ingress'], rules: [...rules], ...fields })
export const service = (name: string, addresses: readonly string[], endpoints: readonly WorldPod[]): NetworkService => ({
  kind: 'service', uid: `00000000-0000-4000-8000-${Buffer.from(name.padEnd(6, '_').slice(0, 6)).toString('hex')}`, namespace: 'default', name, addresses: [...addresses], externalName: null, localOnly: false, affinitySeconds: null,
  ports: (['tcp', 'udp'] as const).map((protocol) => ({ name: null, protocol, port: 80, endpoints: endpoints.flatMap((pod) => addressesOf(pod).map((address) => ({ address, port: 443, hostId: null }))) })), hosts: [],
})

export function networkBase(network: WorldNetwork): NetworkBase {
  const [four, six] = gateways(network)
  const [cidr4, cidr6] = subnetsOf(network) as [string, string]
  return { kind: 'network', number: network.number, name: network.name, tenantId: network.tenant, subnets: [{ name: 'a', cidr: cidr4, gateway: four }, { name: 'b', cidr: cidr6, gateway: six }], serviceCidrs: ['10.96.0.0/16', 'fd96::/112'], routes: [], outbound: 'nat', mtu: network.mtu ?? 1450, dns: { domain: 'cluster.local', upstream: false, nameservers: [] } }
}

/** Networks with pods that speak, on one host, and an outside that does. */
export class World {
  readonly speakers = new Map<string, Speaker>()
  readonly namespaces = new Map<string, string>()
  private constructor(readonly lab: Lab, readonly hosts: HostNetwork, readonly networks: readonly WorldNetwork[], readonly pods: readonly WorldPod[]) {}

  static async open(networks: readonly WorldNetwork[], pods: readonly WorldPod[], objects: (network: WorldNetwork) => readonly NetworkObject[] = () => []): Promise<World> {
    const lab = await Lab.create()
    const world = new World(lab, lab.hostNetwork(), networks, pods)
    try {
      for (const network of networks) await world.say(network, objects(network))
      await Promise.all([...pods.map((pod) => world.start(pod)), Speaker.start(lab.outside, 'outside', PORTS).then((speaker) => world.speakers.set('outside', speaker))])
      await Promise.all(networks.map((network) => world.linked(network)))
      return world
    } catch (error) {
      await world.close()
      throw error
    }
  }

  /** Tells the host all of a network: itself, its pods and peers, and these. In force when it resolves. */
  async say(network: WorldNetwork, objects: readonly NetworkObject[]): Promise<void> {
    const pods = this.pods.filter((pod) => pod.network === network)
    const peers = (network.peers ?? []).flatMap((number) => this.networks.find((one) => one.number === number) ?? [])
    const set: NetworkObject[] = [
      networkBase(network),
      ...pods.map((pod) => ({ kind: 'pod' as const, uid: this.attachment(pod).pod.uid, namespace: 'default', name: pod.name, hostname: pod.name, subdomain: null, hostId: null, addresses: addressesOf(pod) })),
      ...peers.map((peer): NetworkPeer => ({ kind: 'peer', uid: randomUUID(), number: peer.number, name: peer.name, subnets: subnetsOf(peer) })),
      ...objects,
    ]
    await this.hosts.applyObjects(idOf(network), { kind: 'networkObjects', networkId: idOf(network), complete: true, set, remove: [] })
  }

  /** Waits for the links to a network's peers, which no pod's start waits for. */
  async linked({ number, peers = [] }: WorldNetwork): Promise<void> {
    const mutual = peers.filter((peer) => this.networks.find((one) => one.number === peer)?.peers?.includes(number))
    await until(async () => {
      const { stdout } = await this.lab.in(namespaceName(this.lab.hostTag, number), 'ip', 'route')
      return mutual.every((peer) => stdout.includes(` dev peer${peer} `))
    })
  }

  async change(network: WorldNetwork, set: readonly NetworkObject[], remove: readonly string[] = []): Promise<void> {
    await this.hosts.applyObjects(idOf(network), { kind: 'networkObjects', networkId: idOf(network), complete: false, set: [...set], remove: [...remove] })
  }

  speaker(name: string): Speaker {
    const speaker = this.speakers.get(name)
    if (!speaker) throw new Error(`nobody is called ${name}`)
    return speaker
  }

  attachments(): Attachment[] {
    return this.pods.map((pod) => this.attachment(pod))
  }

  attachment(pod: WorldPod): Attachment {
    const { network, last } = pod
    const [gateway, gateway6] = gateways(network)
    const [cidr, cidr6] = subnetsOf(network) as [string, string]
    return {
      network: { id: idOf(network), number: network.number, cidr, gateway, outbound: 'nat', ipv6: { cidr: cidr6, gateway: gateway6 } },
      pod: { uid: `${pod.name}-${network.number}`, address: v4(pod), prefixLength: 24, mac: `02:00:00:00:00:${last.toString(16).padStart(2, '0')}`, runAsUid: UIDS.first + last, ipv6: { address: v6(pod), prefixLength: 64 } },
    }
  }

  async close(): Promise<void> {
    await endEach([
      ...[...this.speakers.values()].map((speaker) => ({ what: 'a speaker', end: () => speaker.stop() })),
      { what: 'the network', end: () => this.hosts.close() },
      { what: 'the lab', end: () => this.lab.destroy() },
    ])
  }

  /** Attaches a pod, whose guest takes its end. */
  async attach(pod: WorldPod): Promise<void> {
    const attachment = this.attachment(pod)
    const { netns, tap, mtu } = await this.hosts.attach(attachment)
    const { network } = pod
    const [gateway, gateway6] = gateways(network)
    const name = this.namespaces.get(pod.name) ?? ''
    await this.lab.ip(netns, [`link set ${standInPeerName(attachment.pod.uid)} netns ${name}`])
    // As a guest's agent does it: neighbours of IPv6 are not asked for.
    await this.lab.ip(name, [
      'link set lo up', `link set ${standInPeerName(attachment.pod.uid)} name eth0 address ${attachment.pod.mac} mtu ${mtu} addrgenmode none`, 'link set eth0 up',
      `address add ${v4(pod)}/24 dev eth0`, `route add default via ${gateway}`,
      `address add ${v6(pod)}/128 dev eth0 nodad`, `neigh replace ${gateway6} lladdr ${gatewayMac(network.number)} nud permanent dev eth0`, `route add ${gateway6}/128 dev eth0`, `route add default via ${gateway6} dev eth0`,
    ])
    // A link that is set up takes a moment to carry anything: what is sent once, as a ping here, would be lost.
    for (const [namespace, device] of [[name, 'eth0'], [netns, tap]] as const) await until(async () => (await this.lab.in(namespace, 'ip', '-brief', 'link', 'show', 'dev', device)).stdout.includes(' UP '))
  }

  private async start(pod: WorldPod): Promise<void> {
    const name = `hyt-${this.lab.hostTag}-w${pod.network.number}-${pod.last}`
    await this.lab.in(this.lab.host, 'ip', 'netns', 'add', name)
    this.namespaces.set(pod.name, name)
    await this.attach(pod)
    this.speakers.set(pod.name, await Speaker.start(name, pod.name, PORTS))
  }
}


