import * as z from 'zod/mini'
import { absolutePath, argumentList, bytes, environment, ipv6, ipv6Subnet, name, streamId, terminalSide, text, uid, uint32 } from './fields'
import { volumeMethods } from './volumes'

export const SetupParams = z.object({
  /** Who this VM now is: the pod's uid. Later hellos repeat it. */
  instance: name,
  /** Milliseconds since 1970. */
  time: z.number().check(z.positive()),
  /** At least 32 bytes of randomness, base64. */
  entropy: z.string().check(z.minLength(43), z.maxLength(1024)),
  /** It is the clone of a template: its kernel must have made its random numbers anew before anything of the pod runs. */
  cloned: z.optional(z.boolean()),
  hostname: z.string().check(z.regex(/^[A-Za-z0-9]([A-Za-z0-9.-]{0,62})$/)),
  machineId: z.string().check(z.regex(/^[0-9a-f]{32}$/)),
  /** Contents of /etc/hosts and /etc/resolv.conf in every container. */
  hosts: text(256 * 1024),
  resolvConf: text(64 * 1024),
  network: z.nullable(
    z.object({
      mac: z.string().check(z.regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)),
      address: z.ipv4(),
      prefixLength: z.number().check(z.int(), z.gte(0), z.lte(32)),
      gateway: z.nullable(z.ipv4()),
      mtu: z.number().check(z.int(), z.gte(68), z.lte(65_535)),
      /** Beside IPv4, with a route to its gateway alone: nothing on the link is believed but the gateway's answer. */
      ipv6: z.optional(z.nullable(z.object({ address: ipv6, gateway: ipv6 }))),
    }),
  ),
  /** The ext4 disk for writable layers and emptyDir volumes; without one they live in the VM's memory. */
  scratch: z.nullable(z.object({ serial: name })),
  /**
   * The pod's volumes. A size bounds those in memory; on the scratch disk the disk is the bound. `files` are volumes of
   * configuration, in memory and empty until `writeFiles`. `disk`: a folder on which `attachVolume` (volumes.ts) mounts.
   */
  volumes: z.array(z.object({ name, medium: z.enum(['scratch', 'memory', 'files', 'disk']), sizeBytes: z.nullable(bytes) })).check(z.maxLength(256)),
  /** The group that owns every volume (setgid folders), as Kubernetes' fsGroup; left out or null: root's. */
  fsGroup: z.optional(z.nullable(uid)),
  /** Whether what is in a volume is given to that group each time, and not only where the root folder is another's. */
  fsGroupAlways: z.optional(z.boolean()),
  /** Written below /proc/sys before anything of the pod runs; dots or slashes part the name. */
  sysctls: z.optional(z.array(z.object({ name: text(253), value: text(1024) })).check(z.maxLength(256))),
})

/**
 * Puts files into a `files` volume. All requests of one `version` belong together; the one with `commit` makes them
 * visible at once and takes what was there before away, as the kubelet's AtomicWriter does: a folder a version, `..data`
 * is a symbolic link to the newest, and every file a link through it. With `append` the content goes behind what earlier
 * files of that path in the same version have: one that is larger than a request comes in several.
 */
export const WriteFilesParams = z.object({
  volume: name,
  version: name,
  files: z.array(z.object({ path: text(4096), mode: z.number().check(z.int(), z.gte(0), z.lte(0o777)), contentBase64: text(768 * 1024), append: z.optional(z.boolean()) })).check(z.maxLength(1024)),
  commit: z.boolean(),
})

export const AddImageParams = z.object({
  /** The serial of the disk that holds the squashfs. */
  serial: name,
  /** How containers name it. Adding a key again does nothing. */
  key: name,
})

export const StartContainerParams = z.object({
  /** Unique in the VM among containers that have not been removed. */
  container: name,
  /** The stream of its standard input and outputs; the host chooses, unique on the VM. */
  stream: streamId,
  image: name,
  args: argumentList,
  env: environment,
  cwd: absolutePath,
  /** As in an image's config: user[:group], names or numbers, '' for root. */
  user: text(256),
  runAsUser: z.nullable(uid),
  runAsGroup: z.nullable(uid),
  supplementalGroups: z.array(uid).check(z.maxLength(256)),
  mounts: z.array(z.object({ volume: name, path: absolutePath, readOnly: z.boolean(), subPath: text(4096) })).check(z.maxLength(256)),
  /** Volumes of mode block, each as a device node of the container. */
  devices: z.optional(z.array(z.object({ volume: name, path: absolutePath })).check(z.maxLength(256))),
  readOnlyRoot: z.boolean(),
  noNewPrivileges: z.boolean(),
  stdin: z.boolean(),
  /** Null without a terminal; with one, all output is on stdout. */
  terminal: z.nullable(z.object({ columns: terminalSide, rows: terminalSide })),
  memoryBytes: z.nullable(bytes),
  cpuMillis: z.nullable(z.number().check(z.int(), z.gte(1))),
  /** Capabilities without CAP_, or ALL, added to and dropped from the default set as Kubernetes does. */
  capabilities: z.optional(z.object({ add: z.array(text(64)).check(z.maxLength(64)), drop: z.array(text(64)).check(z.maxLength(64)) })),
  /** All capabilities, devices and a writable /proc/sys and /sys: within this VM. */
  privileged: z.optional(z.boolean()),
  /** `default`: the runtime's profile, as RuntimeDefault; left out: `unconfined`. */
  seccomp: z.optional(z.enum(['default', 'unconfined'])),
  /** A file of the container whose end, at most 4096 bytes, is told with its exit. */
  terminationMessagePath: z.optional(z.nullable(absolutePath)),
})

/** Opens one TCP connection to a port of the pod's own machine: input is sent to it, what it answers is the stream's stdout. Ends with `execExited`, by code 0 when both sides have closed. */
export const OpenTunnelParams = z.object({ stream: streamId, port: z.number().check(z.int(), z.gte(1), z.lte(65_535)), connectTimeoutMilliseconds: z.number().check(z.int(), z.gte(1), z.lte(60_000)) })

/** Tries once to reach an address from the VM's own network, within the time. `port` null: ICMP. No program of an image takes part. */
export const ProbeParams = z.object({ address: z.union([z.ipv4(), ipv6]), port: z.nullable(z.number().check(z.int(), z.gte(1), z.lte(65_535))), protocol: z.enum(['tcp', 'udp', 'icmp']), timeoutSeconds: z.number().check(z.int(), z.gte(1), z.lte(10)) })

/**
 * These addresses of IPv6, and no others, are routed to the pod beside those of its network: without translation, so they are its own link's. What the pod opens to all that is
 * not `inside` leaves from the first of them, by `gateway`; `inside` is reached from its address in its network, where it has one of IPv6. Said
 * again, it changes nothing.
 */
export const SetRoutedAddressesParams = z.object({
  addresses: z.array(ipv6).check(z.maxLength(8)),
  gateway: ipv6,
  inside: z.array(ipv6Subnet).check(z.maxLength(1024)),
})

/**
 * Copies files as a tar stream. `out`: the file or folder at `path` as seen in the container, on stdout, its own name the
 * first part of each entry. `in`: unpacks its input below the folder `path`, which is made where it is missing. Symbolic
 * links are followed as the container sees them. Ends with `execExited`; messages are on stderr.
 */
export const ArchiveParams = z.object({ stream: streamId, container: name, direction: z.enum(['out', 'in']), path: absolutePath })

/**
 * One page of the folder at `path` as seen in the container, in the order of names, those after `after` alone. No program
 * of the image takes part. Symbolic links are followed on the way, those in the folder are told as links.
 */
export const ListFolderParams = z.object({ container: name, path: absolutePath, after: z.nullable(text(4096)), limit: z.number().check(z.int(), z.gte(1), z.lte(1000)) })

export const ExecParams = z.object({
  container: name,
  stream: streamId,
  args: argumentList,
  /** Added to the container's own environment. */
  env: environment,
  /** Null: as the container's. */
  cwd: z.nullable(absolutePath),
  user: z.nullable(text(256)),
  stdin: z.boolean(),
  terminal: z.nullable(z.object({ columns: terminalSide, rows: terminalSide })),
})

/** In the order of their numbers on x86-64: 1 to 31, then 34 (RTMIN, as libc has it) to 64 (RTMAX). Source: signal(7). */
export const signals = [
  ...(['HUP', 'INT', 'QUIT', 'ILL', 'TRAP', 'ABRT', 'BUS', 'FPE', 'KILL', 'USR1', 'SEGV', 'USR2', 'PIPE', 'ALRM', 'TERM', 'STKFLT', 'CHLD', 'CONT', 'STOP', 'TSTP', 'TTIN', 'TTOU', 'URG', 'XCPU', 'XFSZ', 'VTALRM', 'PROF', 'WINCH', 'IO', 'PWR', 'SYS'] as const),
  ...(['RTMIN', 'RTMIN+1', 'RTMIN+2', 'RTMIN+3', 'RTMIN+4', 'RTMIN+5', 'RTMIN+6', 'RTMIN+7', 'RTMIN+8', 'RTMIN+9', 'RTMIN+10', 'RTMIN+11', 'RTMIN+12', 'RTMIN+13', 'RTMIN+14', 'RTMIN+15', 'RTMIN+16', 'RTMIN+17', 'RTMIN+18', 'RTMIN+19', 'RTMIN+20', 'RTMIN+21', 'RTMIN+22', 'RTMIN+23', 'RTMIN+24', 'RTMIN+25', 'RTMIN+26', 'RTMIN+27', 'RTMIN+28', 'RTMIN+29', 'RTMIN+30'] as const),
] as const

export const SignalContainerParams = z.object({ container: name, signal: z.enum(signals) })
export const RemoveContainerParams = z.object({ container: name })
export const SignalExecParams = z.object({ stream: streamId, signal: z.enum(signals) })
export const ResizeParams = z.object({ stream: streamId, columns: terminalSide, rows: terminalSide })
export const ShutdownParams = z.object({ graceMilliseconds: z.number().check(z.int(), z.gte(0), z.lte(600_000)) })
export const NoParams = z.object({})
/** `usage`: also what each container's writable layer and each volume on the scratch disk take, which reads the folders. */
export const StatsParams = z.object({ usage: z.optional(z.boolean()) })

/** What each method takes. */
export const methods = {
  ping: NoParams,
  identify: NoParams,
  setup: SetupParams,
  addImage: AddImageParams,
  startContainer: StartContainerParams,
  signalContainer: SignalContainerParams,
  removeContainer: RemoveContainerParams,
  exec: ExecParams,
  signalExec: SignalExecParams,
  resize: ResizeParams,
  stats: StatsParams,
  writeFiles: WriteFilesParams,
  openTunnel: OpenTunnelParams,
  archive: ArchiveParams,
  listFolder: ListFolderParams,
  probe: ProbeParams,
  setRoutedAddresses: SetRoutedAddressesParams,
  shutdown: ShutdownParams,
  ...volumeMethods,
} as const

export type Method = keyof typeof methods
export type Params<M extends Method> = z.infer<(typeof methods)[M]>

export const Request = z.object({ id: uint32, method: z.enum(Object.keys(methods) as [Method, ...Method[]]), params: z.unknown() })

/** What every request has, one of a method that came later included. */
export const Envelope = z.object({ id: uint32, method: text(64) })

export type SetupParams = z.infer<typeof SetupParams>
export type ProbeParams = z.infer<typeof ProbeParams>
export type StartContainerParams = z.infer<typeof StartContainerParams>
export type ExecParams = z.infer<typeof ExecParams>
export type SignalName = (typeof signals)[number]
export type ListFolderParams = z.infer<typeof ListFolderParams>
export type WriteFilesParams = z.infer<typeof WriteFilesParams>
export type SetRoutedAddressesParams = z.infer<typeof SetRoutedAddressesParams>
