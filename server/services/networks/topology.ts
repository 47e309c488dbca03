import { networkSpec, serviceSubnets, subnetCapacity, subnetsOf, type NetworkSpec } from '@/domain/network/spec'
import type { NetworkTopology } from '@/domain/network/topology'
import { isGroupMember } from '@/domain/security-group/members'
import { securityGroupSpec } from '@/domain/security-group/spec'
import { serviceSpec } from '@/domain/service/spec'
import { notFound } from '@/domain/shared/errors'
import { inSubnet, parseIp, parseSubnet } from '@/domain/shared/ip'
import type { Scope } from '@/server/auth/scope'
import { listNetworkPeeringsOf } from '@/server/store/network-peerings'
import { listMembers } from '@/server/store/network-members'
import { countAddressesIn, findNetwork, listPodUids } from '@/server/store/networks'
import { loadPods } from '@/server/store/pods'
import { listSecurityGroupsOf } from '@/server/store/security-groups'
import { listServicesOf, type ServiceRow } from '@/server/store/services'
import type { ServerContext } from '../context'
import { toPeeringViews } from '../network-peerings/network-peerings'
import { toPodView } from '../pods/pod-view'
import { storedSubsets } from '../services/service-view'

/** More of one kind than so many is no drawing any more. */
const most = 1000

/** A network with what lies in it and what is behind its edges, to be drawn. */
export async function getTopology(ctx: ServerContext, scope: Scope, name: string): Promise<NetworkTopology> {
  const { db } = ctx
  const row = await findNetwork(db, scope, name)
  if (!row) throw notFound('Network', name)
  const spec = networkSpec.parse(row.spec)
  const subnets = subnetsOf(spec)
  const used = await countAddressesIn(db, row.uid, subnets.map(({ cidr }) => cidr))
  const services = await listServicesOf(db, scope, row.uid, most + 1)
  const pods = await podsOf(ctx, scope, row.uid, spec)
  return {
    network: { name, uid: row.uid, outbound: spec.outbound, domain: spec.dns.domain, mtu: spec.mtu, serviceCIDRs: serviceSubnets(spec) },
    subnets: subnets.map((subnet, i) => ({ name: subnet.name, cidr: subnet.cidr, gateway: subnet.gateway, used: used[i] ?? 0, total: subnetCapacity(subnet) })),
    pods: pods.slice(0, most),
    services: services.slice(0, most).map(toService),
    routes: spec.routes.map(({ destination, via }) => ({ destination, via })),
    peers: await peersOf(ctx, scope, { uid: row.uid, name }),
    truncated: pods.length > most || services.length > most,
  }
}

async function podsOf({ db }: ServerContext, scope: Scope, networkId: string, spec: NetworkSpec): Promise<NetworkTopology['pods']> {
  const records = await loadPods(db, scope, await listPodUids(db, scope, networkId, most + 1))
  const groups = (await listSecurityGroupsOf(db, scope, networkId)).map((row) => ({ name: row.name, spec: securityGroupSpec.parse(row.spec) }))
  const members = new Map((groups.length > 0 ? await listMembers(db, scope, [networkId]) : []).map((pod) => [pod.uid, pod]))
  const subnets = subnetsOf(spec).map(({ name, cidr }) => ({ name, subnet: parseSubnet(cidr) }))
  return records.map((record) => {
    const { metadata, status } = toPodView(record)
    const member = members.get(metadata.uid)
    return {
      uid: metadata.uid, namespace: record.pod.namespace, name: metadata.name, state: status.phase,
      ready: status.phase === 'Running' && status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
      addresses: status.podIPs.map((address) => ({ address, subnet: subnets.find(({ subnet }) => inSubnet(subnet, parseIp(address)))?.name ?? '' })),
      securityGroups: member ? groups.filter((group) => isGroupMember(group, member)).map((group) => group.name) : [],
    }
  })
}

function toService(row: ServiceRow): NetworkTopology['services'][number] {
  const { ports, externalName = null } = serviceSpec.parse(row.spec)
  const behind = storedSubsets.parse(row.endpoints?.subsets ?? []).flatMap(({ addresses, notReadyAddresses }) => [...addresses, ...notReadyAddresses].flatMap(({ targetRef }) => targetRef?.uid ?? []))
  return { uid: row.uid, namespace: row.namespace, name: row.name, externalName, addresses: row.addresses.map(({ address }) => address), ports: ports.map(({ port, protocol }) => `${port}/${protocol}`), pods: [...new Set(behind)] }
}

/** Both ways of saying it: the network's own peerings, and those of the tenant's other networks that name it. */
async function peersOf({ db }: ServerContext, scope: Scope, network: { uid: string; name: string }): Promise<NetworkTopology['peers']> {
  const rows = await listNetworkPeeringsOf(db, scope, network)
  const views = await toPeeringViews(db, scope, rows)
  return views.flatMap(({ metadata, status }, i) => {
    const row = rows[i]
    return row ? [{ name: metadata.name, network: row.networkId === network.uid ? row.peerNetwork : row.network.name, tenant: status.peerTenant, active: status.active }] : []
  })
}
