import type { StartContainerParams } from '@/contracts/guest/v1/messages'
import { cgroupPath } from '@/guest/cgroups'
import { podFolder } from '@/guest/machine'
import type { Identity } from '@/guest/users'

/** What Docker grants by default (moby, oci/caps/defaults.go). */
const capabilities = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
]

/** As Docker's defaults (moby, oci/defaults.go). */
const maskedPaths = ['/proc/acpi', '/proc/asound', '/proc/interrupts', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list', '/proc/timer_stats', '/proc/sched_debug', '/proc/scsi', '/sys/devices/virtual/powercap', '/sys/firmware']
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const openFiles = { type: 'RLIMIT_NOFILE', soft: 1024 * 1024, hard: 1024 * 1024 }
const cpuPeriodMicroseconds = 100_000

const systemMounts = [
  { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'] },
  { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'] },
  { destination: '/dev/mqueue', type: 'bind', source: '/dev/mqueue', options: ['bind', 'nosuid', 'noexec', 'nodev'] },
  { destination: '/dev/shm', type: 'bind', source: '/dev/shm', options: ['bind', 'nosuid', 'nodev', 'rw'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
  { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'] },
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
}

/** The `process` of an OCI runtime config, as crun takes it for a container and for an exec. */
export function ociProcess(options: ProcessOptions): object {
  const { identity, terminal } = options
  const granted = identity.uid === 0 ? capabilities : []
  return {
    terminal: terminal !== null,
    ...(terminal ? { consoleSize: { width: terminal.columns, height: terminal.rows } } : {}),
    user: { uid: identity.uid, gid: identity.gid, additionalGids: identity.groups },
    args: options.args,
    env: options.env,
    cwd: options.cwd,
    capabilities: { bounding: capabilities, effective: granted, permitted: granted, inheritable: [], ambient: [] },
    rlimits: [openFiles],
    noNewPrivileges: options.noNewPrivileges,
    oomScoreAdj: 0,
  }
}

/** The cgroup limits of a container. An out-of-memory kill ends the container as a whole, as Kubernetes has it. */
function resources(params: StartContainerParams): object {
  return {
    ...(params.memoryBytes === null ? {} : { memory: { limit: params.memoryBytes, swap: params.memoryBytes } }),
    ...(params.cpuMillis === null ? {} : { cpu: { quota: Math.max(1000, params.cpuMillis * 100), period: cpuPeriodMicroseconds } }),
    unified: { 'memory.oom.group': '1' },
  }
}

/**
 * The OCI runtime config of a container (runtime-spec 1.0.2). The VM is the pod: its network, IPC
 * and UTS namespaces are the VM's own, so containers share them by having none.
 */
export function ociConfig(params: StartContainerParams, process: object, rootPath: string, mountSource: (volume: string, subPath: string) => string): object {
  return {
    ociVersion: '1.0.2',
    root: { path: rootPath, readonly: params.readOnlyRoot },
    process,
    mounts: [
      ...systemMounts,
      podFileMount('hosts'),
      podFileMount('hostname'),
      podFileMount('resolv.conf'),
      ...params.mounts.map((mount) => ({
        destination: mount.path,
        type: 'bind',
        source: mountSource(mount.volume, mount.subPath),
        options: ['rbind', 'rprivate', mount.readOnly ? 'ro' : 'rw'],
      })),
    ],
    linux: {
      namespaces: [{ type: 'pid' }, { type: 'mount' }, { type: 'cgroup' }],
      cgroupsPath: cgroupPath(params.container),
      resources: resources(params),
      maskedPaths,
      readonlyPaths,
    },
  }
}
