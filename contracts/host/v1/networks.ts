import { z } from 'zod'
import { familyOf, inSubnet, isIp, isSubnet, parseIp, parseSubnet } from '@/domain/shared/ip'
import { dnsSubdomain } from '@/domain/shared/names'
import { ip, oneIp, portNumber, subnetText, transport } from './fields'

/** The network itself: what all of its pods on any host share. */
const networkBase = z.object({
  kind: z.literal('network'),
  number: z.number().int().min(1).max(16_000_000),
  name: z.string().max(63),
  tenantId: z.string().max(32),
  subnets: z.array(z.object({ name: z.string().max(63), cidr: subnetText, gateway: oneIp }).refine(({ cidr, gateway }) => isIp(gateway) && isSubnet(cidr) && inSubnet(parseSubnet(cidr), parseIp(gateway)), 'the gateway must be in its subnet')).min(1).max(16),
  serviceCidrs: z.array(subnetText).max(2),
  routes: z.array(z.object({ destination: subnetText, via: oneIp }).refine(({ destination, via }) => familyOf(destination) === familyOf(via), 'via must be of the family of destination')).max(64),
  outbound: z.enum(['nat', 'none']),
  mtu: z.number().int().min(1280).max(1450),
  dns: z.object({ domain: dnsSubdomain.max(128), upstream: z.boolean(), nameservers: z.array(oneIp).max(3) }),
})
/** A pod of the network, on whichever host: who names and policies speak of. `hostId` null: not placed yet. */
const networkPod = z.object({ kind: z.literal('pod'), uid: z.uuid(), namespace: z.string().max(63), name: z.string().max(253), hostname: z.string().max(63), subdomain: z.string().max(63).nullable(), hostId: z.uuid().nullable(), addresses: z.array(ip).max(2) })
/** `address` and `port`: where a packet for the service goes. `hostId`: whose pod it is, for `localOnly`; null for an address that is no pod's. */
const serviceEndpoint = z.object({ address: ip, port: portNumber, hostId: z.uuid().nullable() })
/**
 * A service: `addresses` are its own (none: headless). `ports[].endpoints` are those that take connections, of both families. `hosts`
 * are the names below it, of its ready endpoints.
 */
const networkService = z.object({
  kind: z.literal('service'),
  uid: z.uuid(),
  namespace: z.string().max(63),
  name: z.string().max(63),
  addresses: z.array(ip).max(2),
  externalName: z.string().max(253).nullable(),
  localOnly: z.boolean(),
  affinitySeconds: z.number().int().min(1).max(86_400).nullable(),
  ports: z.array(z.object({ name: z.string().max(15).nullable(), protocol: transport, port: portNumber, endpoints: z.array(serviceEndpoint).max(2000) })).max(100),
  hosts: z.array(z.object({ hostname: z.string().max(63).nullable(), address: ip })).max(2000),
})
/** Any address (`cidrs` null and `addresses` null), or one of the subnets without the excepted, or one of the addresses. */
const policyPeer = z.object({ cidrs: z.array(z.object({ cidr: subnetText, except: z.array(subnetText).max(20) })).max(100).nullable(), addresses: z.array(ip).max(100_000).nullable() })
/** `id` names it for people, within its policy: `rules[3]`, `ingress[0].from[1]`. `ports` null: every port. */
const policyRule = z.object({ id: z.string().max(80), direction: z.enum(['ingress', 'egress']), protocol: z.enum(['any', 'tcp', 'udp', 'icmp', 'icmpv6']), ports: z.array(z.object({ first: portNumber, last: portNumber })).max(100).nullable(), icmpTypes: z.array(z.number().int().min(0).max(255)).max(20).nullable(), peer: policyPeer })
/** A security group or a NetworkPolicy: for its members' `directions`, nothing passes but what a rule of one of their policies allows. */
const networkPolicy = z.object({ kind: z.literal('policy'), uid: z.uuid(), source: z.enum(['SecurityGroup', 'NetworkPolicy']), namespace: z.string().max(63).nullable(), name: z.string().max(253), members: z.array(ip).max(100_000), directions: z.array(z.enum(['ingress', 'egress'])).max(2), rules: z.array(policyRule).max(4_000) })
/** Another network that both sides let in. `number` is that network's, `subnets` are its subnets. */
const networkPeer = z.object({ kind: z.literal('peer'), uid: z.uuid(), number: z.number().int().min(1).max(16_000_000), name: z.string().max(63), subnets: z.array(subnetText).max(16) })
export const networkObject = z.discriminatedUnion('kind', [networkBase, networkPod, networkService, networkPolicy, networkPeer])
export type NetworkObject = z.infer<typeof networkObject>
export type NetworkBase = z.infer<typeof networkBase>
export type NetworkPod = z.infer<typeof networkPod>
export type NetworkService = z.infer<typeof networkService>
export type NetworkPolicyObject = z.infer<typeof networkPolicy>
export type NetworkPolicyRule = z.infer<typeof policyRule>
export type NetworkPeer = z.infer<typeof networkPeer>
/** What names an object within its network: the network itself is there once. */
export const networkObjectKey = (object: NetworkObject): string => (object.kind === 'network' ? 'network' : `${object.kind}/${object.uid}`)

/**
 * What a network with pods on this host holds beside them. The first of a connection is `complete` and has everything; those that follow
 * have what changed; after a `desired` that names no pod of it, the next is complete again. It comes before the `desired` that names a pod of
 * it, so that no pod runs before its rules. Where one message has no room for all, the next of this network follows at once (`more`): the host
 * carries out nothing of them before the last, which is without it.
 */
export const networkMessage = z.object({ kind: z.literal('networkObjects'), networkId: z.uuid(), complete: z.boolean(), set: z.array(networkObject).max(20_000), remove: z.array(z.string().max(64)).max(100_000), more: z.boolean().optional() })
export type NetworkMessage = z.infer<typeof networkMessage>
