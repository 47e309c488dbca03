import { z } from 'zod'
import { balancerBackend, balancerListener, balancerOptions, balancerServer, partName } from '@/domain/load-balancer/model'
import { reportText } from '@/domain/shared/report-text'
import { oneIp, subnetText } from './fields'

/** Addresses of the outside that hosts of this cluster may answer for. `gateway` is the hosts' own address there. */
const addressPool = z.object({ kind: z.literal('addressPool'), uid: z.uuid(), name: z.string().max(63), cidr: subnetText, gateway: oneIp })
/** An address that leads to a pod of this host, all of its ports and both ways. IPv4 is translated one to one, to `podAddress`; IPv6 is routed to the pod as it is, whose `podAddress` may be of either family (docs/adr/0038). A host of before reports it as Failed. `until`: as of a balancer; missing: null. */
const floatingAddress = z.object({ kind: z.literal('floatingAddress'), uid: z.uuid(), address: oneIp, networkId: z.uuid(), podUid: z.uuid(), podAddress: oneIp, until: z.number().int().min(5).max(3600).nullable().optional() })
/**
 * A balancer that runs on this host. `network` is where its pods are, `inner` its own addresses there, at most one a family. `number` is unique in the cluster. `until`: how
 * long this host may answer for its addresses without hearing of the server, in seconds; null: as long as it likes, for no other host could.
 */
const balancer = z.object({
  kind: z.literal('balancer'),
  uid: z.uuid(),
  tenantId: z.string().max(32),
  namespace: z.string().max(63),
  name: z.string().max(253),
  number: z.number().int().min(1).max(16_000_000),
  networkId: z.uuid(),
  network: z.object({ number: z.number().int().min(1).max(16_000_000), mtu: z.number().int().min(1280).max(1450), subnets: z.array(z.object({ cidr: subnetText, gateway: oneIp })).max(16), inner: z.array(oneIp).max(2), mac: z.string().max(17), outbound: z.enum(['nat', 'none']) }),
  addresses: z.array(oneIp).min(1).max(4),
  listeners: z.array(balancerListener).max(100),
  backends: z.array(balancerBackend).max(200),
  options: balancerOptions,
  until: z.number().int().min(5).max(3600).nullable(),
})
/** Who takes connections of one of a balancer's backends now. An object of its own, for it changes with every pod. */
const backendServers = z.object({ kind: z.literal('backendServers'), balancerUid: z.uuid(), backend: partName, servers: z.array(balancerServer).max(2000) })
export const externalObject = z.discriminatedUnion('kind', [addressPool, floatingAddress, balancer, backendServers])
export type ExternalObject = z.infer<typeof externalObject>
export type HostAddressPool = z.infer<typeof addressPool>
export type HostFloatingAddress = z.infer<typeof floatingAddress>
export type HostBalancer = z.infer<typeof balancer>
export type BackendServers = z.infer<typeof backendServers>
export const externalObjectKey = (object: ExternalObject): string => (object.kind === 'backendServers' ? `backendServers/${object.balancerUid}/${object.backend}` : `${object.kind}/${object.uid}`)

/**
 * What this host answers for on the outside: the first of a connection is `complete`, those that follow have what changed. It comes after the
 * `desired` that names the pods of its addresses. Sent to hosts that say so among their capabilities.
 */
export const externalMessage = z.object({ kind: z.literal('externalObjects'), complete: z.boolean(), set: z.array(externalObject).max(20_000), remove: z.array(z.string().max(160)).max(100_000), more: z.boolean().optional() })
export type ExternalMessage = z.infer<typeof externalMessage>

/**
 * Certificates of balancers of this host, each with its key: comes before the `externalObjects` that name them. Hosts keep them in memory alone: never on a
 * disk, in an argument list or in a log. `pem`: the certificate, its chain and its key. `complete`: those that are not named are not needed any more.
 */
export const certificatesMessage = z.object({ kind: z.literal('certificates'), complete: z.boolean(), certificates: z.array(z.object({ id: z.uuid(), revision: z.string().max(64), pem: z.string().max(256 << 10) })).max(5_000) })
export type CertificatesMessage = z.infer<typeof certificatesMessage>

/** Of one balancer: what it is told to have, and what it has not let go of yet. */
export const maxReportedAddresses = 64

/**
 * What this host made of a floating address or a balancer. `Gone` is the answer to each removal (a key of `remove`, and what a complete message does not name), also
 * of what was not here: it does not answer for it any more, so that another host may; never of what it is told to have. A complete report names all that
 * this host may answer for. After a removal the server sends nothing of that key before it has the answer. `down`: servers that
 * the balancer's own checks took out, as `backend/address:port`. `addresses`: those that the balancer may answer for, with what it is told to have and what it lost
 * and has not let go of yet, as it is once `taken` messages `externalObjects` of this connection are carried out or under way. A host says so anew whenever one
 * fewer is among them: only then another may have that one. Without the two (an agent of before does not say them): not known.
 */
export const externalReport = z.object({ kind: z.enum(['floatingAddress', 'balancer']), uid: z.uuid(), phase: z.enum(['Active', 'Degraded', 'Failed', 'Gone']), reason: reportText(128), message: reportText(4096), down: z.array(reportText(160)).max(1000).optional(), addresses: z.array(oneIp).max(maxReportedAddresses).optional(), taken: z.number().int().min(0).optional() })
export type ExternalReport = z.infer<typeof externalReport>
