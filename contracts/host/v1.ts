import { z } from 'zod'
import { accelerator, hostCapacity } from '@/domain/host/view'
import { balancerBackend, balancerListener, balancerOptions, balancerServer, partName } from '@/domain/load-balancer/model'
import { hostPhases, containerStatus, startStep } from '@/domain/pod/status'
import { configurationObject } from '@/domain/pod/configuration'
import { podSpec } from '@/domain/pod/spec'
import { condition } from '@/domain/shared/condition'
import { familyOf, inSubnet, isIp, isSubnet, parseIp, parseSubnet } from '@/domain/shared/ip'
import { dnsSubdomain } from '@/domain/shared/names'
import { reportText, reportTime } from '@/domain/shared/report-text'

/**
 * Version 1 of what a host and the server say to each other. Additive changes only: new fields are optional.
 * The host dials `/ws/host` (tRPC over WebSocket) and says hello; all else needs its session. Neither side trusts
 * the other's sizes: every text and list is bounded here.
 */
export const hostProtocolVersion = 1

/** The server's challenge: the host signs it together with the server's name for the connection. */
export const challengeOutput = z.object({ nonce: z.string().max(128) })

/** What the host's key signs: a prefix against reuse elsewhere, the nonce and the boot. */
export const helloSignatureText = (nonce: string, publicKey: string, bootId: string): string => `hypernetes host hello v1\n${nonce}\n${publicKey}\n${bootId}`

/** What an agent understands beyond what the first version had; a server sends nothing of it to one that does not say so. */
export const hostCapabilities = ['networkObjects', 'externalObjects'] as const

export const helloInput = z.object({
  version: z.literal(hostProtocolVersion),
  name: z.string().min(1).max(253),
  /** Ed25519 public key, SPKI DER in base64: the host's identity. */
  publicKey: z.string().max(256),
  /** Ed25519 signature of {@link helloSignatureText}, base64. */
  signature: z.string().max(256),
  /** New at each start of the host agent. */
  bootId: z.uuid(),
  agentVersion: reportText(64),
  hypervisorVersion: reportText(128),
  kernelVersion: reportText(128),
  guestVersion: reportText(128),
  accelerator,
  acceleratorReason: reportText(1024),
  capacity: hostCapacity,
  /** Of {@link hostCapabilities}, and those of later versions; missing: none. */
  capabilities: z.array(reportText(64)).max(64).optional(),
})
export type HelloInput = z.infer<typeof helloInput>
export const helloOutput = z.object({ hostId: z.uuid(), heartbeatSeconds: z.number() })

/** The network of a pod as the host needs it. `number` is unique in the cluster; `address` is the pod's own. */
export const networkAttachment = z.object({
  id: z.uuid(),
  number: z.number().int().min(1).max(16_000_000),
  name: z.string().max(63),
  cidr: z.string().max(64),
  gateway: z.string().max(64),
  outbound: z.enum(['nat', 'none']),
  address: z.string().max(64),
  prefixLength: z.number().int().min(0).max(128),
  mac: z.string().max(17),
  dns: z.array(z.string().max(64)).max(3),
  /** What came with networks of several subnets; a server that does not say it means IPv4 alone, and 1450 bytes. */
  mtu: z.number().int().min(1280).max(1450).optional(),
  /** The network's DNS domain; null or missing: the network has no resolver. */
  domain: z.string().max(128).nullable().optional(),
  /** The pod's IPv6 address, where its network has a subnet of that family. A network of IPv6 alone has none of IPv4, and is not carried out yet. */
  ipv6: z.object({ cidr: z.string().max(64), gateway: z.string().max(64), address: z.string().max(64), prefixLength: z.number().int().min(0).max(128) }).nullable().optional(),
  /** Bits a second, to the pod and from it. */
  bandwidth: z.object({ ingress: z.number().int().min(1000).nullable(), egress: z.number().int().min(1000).nullable() }).nullable().optional(),
})
export type NetworkAttachment = z.infer<typeof networkAttachment>

/** A tenant's own archive behind an image's reference: the host fetches it with `host.fetchUpload`. `digest` and `bytes` are of the archive. */
export const imageUpload = z.object({ reference: z.string().max(1024), uploadId: z.uuid(), digest: z.string().max(128), bytes: z.number().int().min(0) })
export type ImageUpload = z.infer<typeof imageUpload>
export const fetchUploadInput = z.object({ uploadId: z.uuid() })
/** A path on the server with a one-time ticket in it, to be dialled like a stream: the archive comes on channel 1, then a result. */
export const fetchUploadOutput = z.object({ url: z.string().max(512) })

/**
 * An image that shall be on this host before a pod names it; an empty `tenantId` is the operator's, for everybody. `pullSecrets` are
 * kept in memory alone.
 */
export const prePull = z.object({ id: z.uuid(), tenantId: z.string().max(32), reference: z.string().max(1024), pullSecrets: z.array(configurationObject).max(10), upload: imageUpload.nullable() })
export type PrePull = z.infer<typeof prePull>

/** A pod that this host shall run, or stop where `deletion` is set. */
export const assignment = z.object({
  uid: z.uuid(),
  tenantId: z.string().max(32),
  namespace: z.string().max(63),
  name: z.string().max(253),
  generation: z.number().int(),
  hostname: z.string().max(63),
  labels: z.record(z.string(), z.string()).default({}),
  annotations: z.record(z.string(), z.string()).default({}),
  spec: podSpec,
  /** `scratchMiB`: the pod's scratch disk; null: the host's default. */
  size: z.object({ vcpus: z.number().int().min(1).max(256), memoryMiB: z.number().int().min(64), scratchMiB: z.number().int().min(64).nullable().default(null) }),
  /** The revision of the ConfigMaps and Secrets that the spec names, which a message of their own brings; null: it names none. */
  configurationRevision: z.string().max(64).nullable().default(null),
  /** Images of the spec, as it writes them, that are the tenant's uploads. Filled in when assignments are listed. */
  uploads: z.array(imageUpload).max(100).optional(),
  network: networkAttachment,
  deletion: z.object({ graceSeconds: z.number().int().min(0) }).nullable(),
})
export type Assignment = z.infer<typeof assignment>

/**
 * The ConfigMaps and Secrets that a pod's spec names, as they are now; what is missing is left out. Hosts keep it in
 * memory alone: never on a disk, in an argument list or in a log.
 */
export const podConfigurationMessage = z.object({ kind: z.literal('configuration'), podUid: z.uuid(), revision: z.string().max(64), objects: z.array(configurationObject).max(200) })
export type PodConfigurationMessage = z.infer<typeof podConfigurationMessage>

// What comes here becomes words of commands. Lists of a hundred thousand are not parsed, but have the letters of an address and no others.
const ip = z.string().max(45).regex(/^[0-9a-fA-F.:]+$/, 'must be an address')
const oneIp = ip.refine(isIp, 'must be an address')
const subnetText = z.string().max(49).refine(isSubnet, 'must be a subnet')
const portNumber = z.number().int().min(1).max(65535)
const transport = z.enum(['tcp', 'udp'])

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

/** Addresses of the outside that hosts of this cluster may answer for. `gateway` is the hosts' own address there. */
const addressPool = z.object({ kind: z.literal('addressPool'), uid: z.uuid(), name: z.string().max(63), cidr: subnetText, gateway: oneIp })
/** An address that leads to a pod of this host, all of its ports and both ways. IPv4 is translated one to one; an IPv6 address is reported as Failed (docs/adr/0033). `until`: as of a balancer; missing: null. */
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

/** What the subscription `host.desired` yields: always the complete set, or a stream to open. */
export const desiredMessage = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('desired'), revision: z.string().max(64), assignments: z.array(assignment).max(10_000), prePulls: z.array(prePull).max(1_000).optional() }),
  /** Comes before the `desired` that names its revision. */
  podConfigurationMessage,
  networkMessage,
  certificatesMessage,
  externalMessage,
  /** A stream of a balancer's access log: its newest lines as JSON (domain/load-balancer/view.ts, balancerLogLine) on channel 1, a line each; `follow`: and those that come. */
  z.object({ kind: z.literal('openBalancerLog'), url: z.string().max(512), balancerUid: z.uuid(), tailLines: z.number().int().min(0).max(10_000), follow: z.boolean() }),
  z.object({ kind: z.literal('open'), url: z.string().max(512), request: z.lazy(() => streamRequest) }),
])
export type DesiredMessage = z.infer<typeof desiredMessage>

/**
 * A stream that the host shall dial: `url` is a path on the server with a one-time ticket in it. Frames are binary, the
 * first byte is Kubernetes' channel: 0 input, 1 output, 2 error, 3 result (JSON {@link streamResult}, then close), 4 resize
 * (JSON {columns, rows}). Channel 0 with no bytes closes the input.
 */
export const streamRequest = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('exec'), podUid: z.uuid(), container: z.string().max(63).nullable(), command: z.array(z.string().max(128 << 10)).min(1).max(1024), tty: z.boolean(), stdin: z.boolean(), columns: z.number().int().min(1).max(1000), rows: z.number().int().min(1).max(1000), timeoutSeconds: z.number().int().min(1).max(86_400).nullable() }),
  /** Lines as `RFC3339 text\n` on channel 1 (stdout) and 2 (stderr). */
  z.object({ kind: z.literal('logs'), podUid: z.uuid(), container: z.string().max(63).nullable(), follow: z.boolean(), tailLines: z.number().int().min(0).max(100_000).nullable(), previous: z.boolean(), sinceTime: z.string().max(40).nullable() }),
  /** The container's own process: its output from now on, and its input where its spec has `stdin`. */
  z.object({ kind: z.literal('attach'), podUid: z.uuid(), container: z.string().max(63).nullable(), stdin: z.boolean(), columns: z.number().int().min(1).max(1000), rows: z.number().int().min(1).max(1000) }),
  /** One TCP connection to a port of the pod: bytes on channel 0 to it and on channel 1 from it; a frame without bytes ends that half. */
  z.object({ kind: z.literal('portForward'), podUid: z.uuid(), port: z.number().int().min(1).max(65535) }),
  /** A tar stream (POSIX ustar with pax headers): out of a path on channel 1, or into a folder from channel 0, which ends without bytes. */
  z.object({ kind: z.literal('copy'), podUid: z.uuid(), container: z.string().max(63).nullable(), direction: z.enum(['out', 'in']), path: z.string().min(1).max(4096) }),
  /** What is in a folder: each of its entries as a line of JSON (domain/pod/folder-entry.ts) on channel 1, at most 10,000. The result's exit code is 0, or 1 where there are more. */
  z.object({ kind: z.literal('listFolder'), podUid: z.uuid(), container: z.string().max(63).nullable(), path: z.string().min(1).max(4096) }),
  /** Tries to connect from the pod's own network, once, within `timeoutSeconds`: the result's JSON ({@link probeResult}) comes on channel 1. */
  z.object({ kind: z.literal('probe'), podUid: z.uuid(), address: ip, port: portNumber.nullable(), protocol: z.enum(['tcp', 'udp', 'icmp']), timeoutSeconds: z.number().int().min(1).max(10) }),
])
export type StreamRequest = z.infer<typeof streamRequest>
/** `open`: a connection was made or an answer came; `refused`: the other side said no; `silent`: nothing came back in time. */
export const probeResult = z.object({ outcome: z.enum(['open', 'refused', 'unreachable', 'silent', 'failed']), milliseconds: z.number().min(0).max(60_000), detail: reportText(512) })
export type ProbeResult = z.infer<typeof probeResult>
export const streamChannel = { input: 0, output: 1, error: 2, result: 3, resize: 4 } as const
export const streamResult = z.object({ exitCode: z.number().int().nullable(), error: z.string().max(4096).nullable() })
export type StreamResult = z.infer<typeof streamResult>
export const resizeMessage = z.object({ columns: z.number().int().min(1).max(1000), rows: z.number().int().min(1).max(1000) })

/** One pod as its host sees it. `sequence` grows with every report of this host agent's boot. */
export const podReport = z.object({
  uid: z.uuid(),
  observedGeneration: z.number().int(),
  phase: z.enum(hostPhases),
  reason: reportText(128),
  message: reportText(4096),
  conditions: z.array(condition).max(20),
  containers: z.array(containerStatus).max(40),
  startMode: z.enum(['template', 'cold']).nullable(),
  startSteps: z.array(startStep).max(60),
  /** When the first process of the first container ran. */
  startedAt: reportTime.nullable(),
})
export type PodReport = z.infer<typeof podReport>

/** What happened to a pod, for its events. */
export const hostEvent = z.object({ podUid: z.uuid(), type: z.enum(['Normal', 'Warning']), reason: reportText(128), message: reportText(4096), time: reportTime })
export type HostEvent = z.infer<typeof hostEvent>

/** An image as this host's store has it, for one tenant, or for everybody where `tenantId` is empty. The reference is in full. `Removed`: forget it. */
export const imageReport = z.object({ tenantId: reportText(32).optional(), reference: reportText(600), digest: reportText(128).nullable(), sizeBytes: z.number().int().min(0).nullable(), phase: z.enum(['Pulling', 'Ready', 'Failed', 'Removed']), message: reportText(4096), bytesDone: z.number().int().min(0), bytesTotal: z.number().int().min(0) })
export type ImageReport = z.infer<typeof imageReport>

/**
 * What this host made of a floating address or a balancer. `Gone` is the answer to each removal (a key of `remove`, and what a complete message does not name), also
 * of what was not here: it does not answer for it any more, so that another host may; never of what it is told to have. A complete report names all that
 * this host may answer for. After a removal the server sends nothing of that key before it has the answer. `down`: servers that
 * the balancer's own checks took out, as `backend/address:port`.
 */
export const externalReport = z.object({ kind: z.enum(['floatingAddress', 'balancer']), uid: z.uuid(), phase: z.enum(['Active', 'Degraded', 'Failed', 'Gone']), reason: reportText(128), message: reportText(4096), down: z.array(reportText(160)).max(1000).optional() })
export type ExternalReport = z.infer<typeof externalReport>

export const reportInput = z.object({
  bootId: z.uuid(),
  sequence: z.number().int().min(1),
  /** True in the first report of a connection: what is bound here and not named is Gone. */
  complete: z.boolean(),
  pods: z.array(podReport).max(10_000),
  events: z.array(hostEvent).max(10_000),
  images: z.array(imageReport).max(10_000),
  /** What changed since the last report; all of it in a complete one. */
  external: z.array(externalReport).max(10_000).optional(),
})
export type ReportInput = z.infer<typeof reportInput>
export const heartbeatInput = z.object({ bootId: z.uuid(), podsRunning: z.number().int().min(0), memoryFreeMiB: z.number().int().min(0), diskFreeMiB: z.number().int().min(0) })

/** Of one interval: what a counter grew by. Bounded so that the sums of a month fit into 64 bits. */
const grown = z.number().int().min(0).max(2 ** 44).nullable()
/** At the end of the interval. */
const level = z.number().int().min(0).max(2 ** 46).nullable()
const usage = z.object({
  cpuMicroseconds: z.number().int().min(0).max(2 ** 36).nullable(),
  memoryBytes: level,
  readBytes: grown,
  writtenBytes: grown,
  receivedBytes: grown,
  sentBytes: grown,
  diskUsedBytes: level,
})
/** What something used in an interval; null for what could not be read. */
export type Usage = z.infer<typeof usage>

/** `ageMs`: how long before it was sent the interval ended: the server's clock tells when that was. */
const interval = { ageMs: z.number().int().min(0).max(60_000), intervalMs: z.number().int().min(1).max(120_000) }

/** `vm`: the virtual machine as the host sees it from outside; `containers`: what the guest says, within the bounds of the VM. */
export const podFigures = z.object({ podUid: z.uuid(), ...interval, vm: usage, containers: z.array(usage.extend({ name: z.string().min(1).max(63) })).max(60) })
export type PodFigures = z.infer<typeof podFigures>

/** What passed through a service's address on this host in an interval: both ways of its connections; `connections` are new ones. */
export const serviceFigures = z.object({ serviceUid: z.uuid(), ...interval, receivedBytes: grown, sentBytes: grown, connections: grown })
export type ServiceFigures = z.infer<typeof serviceFigures>

const count = z.number().int().min(0).max(2 ** 44)
/**
 * What passed through a part of a balancer in an interval: the whole (`part` empty), a rule (`rule/ID`) or a backend (`backend/NAME`). `latency`: how many
 * requests took up to 1, 3, 10, 30, 100, 300, 1000, 3000 ms, and longer, in that order.
 */
export const balancerFigures = z.object({ balancerUid: z.uuid(), part: z.string().max(80), ...interval, connections: count, requests: count, errors4xx: count, errors5xx: count, failed: count, receivedBytes: count, sentBytes: count, latency: z.array(count).length(9).nullable(), activeConnections: z.number().int().min(0).max(2 ** 31) })
export type BalancerFigures = z.infer<typeof balancerFigures>

/** A batch of figures. One that is lost is a gap: the next has only what came after. */
export const figuresInput = z.object({ bootId: z.uuid(), host: usage.extend(interval).nullable(), pods: z.array(podFigures).max(500), services: z.array(serviceFigures).max(1000).optional(), balancers: z.array(balancerFigures).max(2000).optional() })
export type FiguresInput = z.infer<typeof figuresInput>
