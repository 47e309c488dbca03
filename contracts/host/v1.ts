import { z } from 'zod'
import { accelerator, hostCapacity } from '@/domain/host/view'
import { hostPhases, containerStatus, startStep } from '@/domain/pod/status'
import { configurationObject } from '@/domain/pod/configuration'
import { podSpec } from '@/domain/pod/spec'
import { condition } from '@/domain/shared/condition'
import { reportText, reportTime } from '@/domain/shared/report-text'
import { certificatesMessage, externalMessage, externalReport } from './v1/external'
import { networkMessage } from './v1/networks'
import { streamRequest } from './v1/streams'
import { assignedVolume, maxStoreReports, maxVolumeReports, storeReport, storeSecretsMessage, volumeMessage, volumeReport } from './v1/volumes'

/**
 * Version 1 of what a host and the server say to each other. Additive changes only: new fields are optional.
 * The host dials `/ws/host` (tRPC over WebSocket) and says hello; all else needs its session. Neither side trusts
 * the other's sizes: every text and list is bounded, here and in the parts of it (`v1/`): networks, the outside, volumes, streams and figures.
 */
export const hostProtocolVersion = 1

/** The server's challenge: the host signs it together with the server's name for the connection. */
export const challengeOutput = z.object({ nonce: z.string().max(128) })

/** What the host's key signs: a prefix against reuse elsewhere, the nonce and the boot. */
export const helloSignatureText = (nonce: string, publicKey: string, bootId: string): string => `hypernetes host hello v1\n${nonce}\n${publicKey}\n${bootId}`

/** What an agent understands beyond what the first version had; a server sends nothing of it to one that does not say so. */
export const hostCapabilities = ['networkObjects', 'externalObjects', 'balancerServers', 'volumeObjects'] as const
export type HostCapability = (typeof hostCapabilities)[number]

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
  /** Which volumes those of the spec are that outlive their pod. Filled in when assignments are listed; missing: it names none. */
  volumes: z.array(assignedVolume).max(50).optional(),
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

/** What the subscription `host.desired` yields: always the complete set, or a stream to open. */
export const desiredMessage = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('desired'), revision: z.string().max(64), assignments: z.array(assignment).max(10_000), prePulls: z.array(prePull).max(1_000).optional() }),
  /** Comes before the `desired` that names its revision. */
  podConfigurationMessage,
  networkMessage,
  certificatesMessage,
  externalMessage,
  /** Comes before the `volumeObjects` whose stores need it. */
  storeSecretsMessage,
  volumeMessage,
  /** A stream of a balancer's access log: its newest lines as JSON (domain/load-balancer/view.ts, balancerLogLine) on channel 1, a line each; `follow`: and those that come. */
  z.object({ kind: z.literal('openBalancerLog'), url: z.string().max(512), balancerUid: z.uuid(), tailLines: z.number().int().min(0).max(10_000), follow: z.boolean() }),
  /** A stream of a balancer's servers as they are now, at most 5,000: each as JSON ({@link balancerServerState}) on channel 1, a line each. Of UDP nothing is known. */
  z.object({ kind: z.literal('openBalancerServers'), url: z.string().max(512), balancerUid: z.uuid() }),
  z.object({ kind: z.literal('open'), url: z.string().max(512), request: streamRequest }),
])
export type DesiredMessage = z.infer<typeof desiredMessage>

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

/** In brief (`message` empty, no `down`) they are below the 16 MiB that a message may have. */
export const maxExternalReports = 50_000
export const reportInput = z.object({
  bootId: z.uuid(),
  sequence: z.number().int().min(1),
  /** True in the first report of a connection: what is bound here and not named is Gone. */
  complete: z.boolean(),
  pods: z.array(podReport).max(10_000),
  events: z.array(hostEvent).max(10_000),
  images: z.array(imageReport).max(10_000),
  /** What changed since the last report; all of it in a complete one, of which as many as {@link maxExternalReports} do not count as all. */
  external: z.array(externalReport).max(maxExternalReports).optional(),
  /** What changed since the last report; all that this host may open in a complete one. */
  volumes: z.array(volumeReport).max(maxVolumeReports).optional(),
  stores: z.array(storeReport).max(maxStoreReports).optional(),
})
export type ReportInput = z.infer<typeof reportInput>
/**
 * `externalLeased`: how many messages `externalObjects` of this connection are carried out, where nothing that this host answers for on the outside outlives its `until`: on its disk, and
 * in its kernel also while no agent runs. Missing: something may, and the server gives nothing of this host to another one until it has said that it let go.
 */
export const heartbeatInput = z.object({ bootId: z.uuid(), podsRunning: z.number().int().min(0), memoryFreeMiB: z.number().int().min(0), diskFreeMiB: z.number().int().min(0), externalLeased: z.number().int().min(0).optional() })
export type HeartbeatInput = z.infer<typeof heartbeatInput>
