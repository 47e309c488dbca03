import type { StartContainerParams } from '@/contracts/guest/v1/requests'
import { cgroupPath } from '@/guest/cgroups'
import { podFolder } from '@/guest/machine'
import { seccompProfile } from '@/guest/seccomp'
import type { Identity } from '@/guest/users'

/** As Docker's defaults (moby, oci/defaults.go). */
const maskedPaths = ['/proc/acpi', '/proc/asound', '/proc/interrupts', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list', '/proc/timer_stats', '/proc/sched_debug', '/proc/scsi', '/sys/devices/virtual/powercap', '/sys/firmware']
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const openFiles = { type: 'RLIMIT_NOFILE', soft: 1024 * 1024, hard: 1024 * 1024 }
const cpuPeriodMicroseconds = 100_000

/** `access` is to /sys and to the cgroups. */
const systemMounts = (access: 'ro' | 'rw') => [
  { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'] },
  { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'] },
  { destination: '/dev/mqueue', type: 'bind', source: '/dev/mqueue', options: ['bind', 'nosuid', 'noexec', 'nodev'] },
  { destination: '/dev/shm', type: 'bind', source: '/dev/shm', options: ['bind', 'nosuid', 'nodev', 'rw'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', access] },
  { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['nosuid', 'noexec', 'nodev', 'relatime', access] },
]

function podFileMount(name: 'hosts' | 'hostname' | 'resolv.conf'): object {
  return { destination: `/etc/${name}`, type: 'bind', source: `${podFolder}/${name}`, options: ['bind', 'rw', 'nosuid', 'nodev'] }
}

/** Later entries win; a PATH, a HOME and, in a terminal, a TERM are always there. */
export function processEnvironment(env: readonly string[], home: string, hostname: string, terminal: boolean): string[] {
  const named = new Map<string, string>()
  const defaults = [defaultPath, `HOSTNAME=${hostname}`, `HOME=${home}`, ...(terminal ? ['TERM=xterm'] : [])]
  for (const entry of [...defaults, ...env]) named.set(entry.slice(0, entry.indexOf('=')), entry)
  return [...named.values()]
}

export interface ProcessOptions {
  args: readonly string[]
  env: readonly string[]
  cwd: string
  identity: Identity
  terminal: { columns: number; rows: number } | null
  noNewPrivileges: boolean
  /** What it may at most, as `CAP_…`. A user other than root has none of it at first, as in Docker. */
  capabilities: readonly string[]
}

/** The `process` of an OCI runtime config, as crun takes it for a container and for an exec. */
export function ociProcess(options: ProcessOptions): object {
  const { identity, terminal } = options
  const { capabilities } = options
  const granted = identity.uid === 0 ? capabilities : []
  return {
    terminal: terminal !== null,
    ...(terminal ? { consoleSize: { width: terminal.columns, height: terminal.rows } } : {}),
    user: { uid: identity.uid, gid: identity.gid, additionalGids: identity.groups, umask: 0o022 },
    args: options.args,
    env: options.env,
    cwd: options.cwd,
    capabilities: { bounding: capabilities, effective: granted, permitted: granted, inheritable: [], ambient: [] },
    rlimits: [openFiles],
    noNewPrivileges: options.noNewPrivileges,
    oomScoreAdj: 0,
  }
}

/** A device node of the VM. */
export interface Device {
  path: string
  type: 'c' | 'b'
  major: number
  minor: number
  fileMode: number
  /** Whose it is; left out: root's. */
  gid?: number
}

/** What a container's config needs beside the request to start it. */
export interface ContainerParts {
  /** The `process`. */
  process: object
  /** As `CAP_…`. */
  capabilities: readonly string[]
  rootPath: string
  /** One for each of the request's mounts. */
  mountSources: readonly string[]
  /** The file that is mounted as the termination log; empty: none. */
  terminationLog: string
  /** Volumes of mode block; of a privileged container also the VM's devices. */
  devices: readonly Device[]
}

/** The cgroup limits of a container. An out-of-memory kill ends the container as a whole, as Kubernetes has it. */
function resources(params: StartContainerParams): object {
  return {
    ...(params.memoryBytes === null ? {} : { memory: { limit: params.memoryBytes, swap: params.memoryBytes } }),
    ...(params.cpuMillis === null ? {} : { cpu: { quota: Math.max(1000, params.cpuMillis * 100), period: cpuPeriodMicroseconds } }),
    ...(params.privileged ? { devices: [{ allow: true, access: 'rwm' }] } : {}),
    unified: { 'memory.oom.group': '1' },
  }
}

function volumeMounts(params: StartContainerParams, sources: readonly string[]): object[] {
  return params.mounts.map((mount, index) => ({ destination: mount.path, type: 'bind', source: sources[index], options: ['rbind', 'rprivate', mount.readOnly ? 'ro' : 'rw'] }))
}

/** A privileged container has all of its VM, and no profile: Kubernetes ignores one there. */
function restrictions(params: StartContainerParams, parts: ContainerParts): object {
  if (params.privileged) return { devices: parts.devices }
  const devices = parts.devices.length > 0 ? { devices: parts.devices } : {}
  return { ...devices, maskedPaths, readonlyPaths, ...(params.seccomp === 'default' ? { seccomp: seccompProfile(parts.capabilities) } : {}) }
}

/**
 * The OCI runtime config of a container (runtime-spec 1.0.2). The VM is the pod: its network, IPC
 * and UTS namespaces are the VM's own, so containers share them by having none.
 */
export function ociConfig(params: StartContainerParams, parts: ContainerParts): object {
  const log = params.terminationMessagePath && parts.terminationLog ? [{ destination: params.terminationMessagePath, type: 'bind', source: parts.terminationLog, options: ['bind', 'rw', 'nosuid', 'nodev', 'noexec'] }] : []
  return {
    ociVersion: '1.0.2',
    root: { path: parts.rootPath, readonly: params.readOnlyRoot },
    process: parts.process,
    mounts: [...systemMounts(params.privileged ? 'rw' : 'ro'), podFileMount('hosts'), podFileMount('hostname'), podFileMount('resolv.conf'), ...volumeMounts(params, parts.mountSources), ...log],
    linux: {
      namespaces: [{ type: 'pid' }, { type: 'mount' }, { type: 'cgroup' }],
      cgroupsPath: cgroupPath(params.container),
      resources: resources(params),
      ...restrictions(params, parts),
    },
  }
}
