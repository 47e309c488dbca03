import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { descriptors, VmError } from './machine'
import { launchScript, parentScript } from './launch-script'
import { identifyProcess, type ProcessIdentity } from './process-identity'

/** A pod's end of the wire: a named network namespace (or the path of one) and a tap in it. */
export type VmNetwork = { namespace: string; tap: string }

export type Launch = {
  binary: string
  arguments: readonly string[]
  /** User and group that QEMU runs as. */
  uid: number
  /** QEMU's working directory, owned by `uid`. */
  folder: string
  stderrFile: string
  /** Open files of the agent, by the descriptor that QEMU shall have them under. */
  files: Readonly<Partial<Record<number, number>>>
  /** Without one the VM's tap stands alone in an empty namespace. */
  network: VmNetwork | null
  /** The network namespace (named, or the path of one) that QEMU itself is in, from which it reaches stores of volumes; null: it is where its tap is, and has no sockets but Unix ones. */
  storage?: string | null
  /** A device node for /dev/kvm that `uid` may open; null without KVM. */
  kvmNode: string | null
  /** The folders of the VM's cgroups; none where the machine cannot limit it. */
  cgroups: readonly string[]
  /** True for VMs that are of no use to anybody but this run of the agent. */
  dieWithAgent: boolean
  /** Ends the start, until QEMU's process is known. */
  signal: AbortSignal
  /** How long the launch script may take. */
  timeoutMs?: number
}

export type ProcessEnd = { code: number | null; signal: NodeJS.Signals | null }

/** `identity` is QEMU's own process as the host sees it; `ended` tells how that ended. */
export type Launched = { identity: ProcessIdentity; ended: Promise<ProcessEnd> }

const namespacePath = (name: string) => (name.includes('/') ? name : `/run/netns/${name}`)

/**
 * Starts QEMU sealed: a user of its own, no capability, no new privileges, in its network namespace and a session of its
 * own, so that it outlives the agent. A shell stays as its parent. Throws VmError when no process could be made in time, or the
 * signal's reason; then none is left. What fails later ends the process.
 */
export async function launchQemu(launch: Launch): Promise<Launched> {
  const { network } = launch
  const first = [...(launch.dieWithAgent ? ['setpriv', '--pdeathsig', 'KILL'] : []), 'unshare', '--pid', '--', 'sh', '-c', parentScript, 'sh']
  const groups = launch.cgroups.map((folder) => join(folder, 'cgroup.procs')).join('\n')
  const place = [network ? namespacePath(network.namespace) : '', launch.storage ? namespacePath(launch.storage) : '', network?.tap ?? 'tap0', String(descriptors.tap), launch.kvmNode ?? '', groups, String(launch.uid), launch.dieWithAgent ? '1' : '']
  const [command = '', ...args] = [...first, 'perl', '-we', launchScript, '--', ...place, launch.binary, ...launch.arguments]
  const stderr = await open(launch.stderrFile, 'a', 0o600)
  try {
    const child = spawn(command, args, {
      cwd: launch.folder,
      env: { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', NODE_ENV: process.env.NODE_ENV },
      detached: true,
      stdio: ['ignore', 'pipe', stderr.fd, ...Array.from({ length: descriptors.tap - 3 }, (_, i) => launch.files[i + 3] ?? ('ignore' as const))],
    })
    const ended = new Promise<ProcessEnd>((resolve, reject) => {
      child.once('error', (error) => reject(new VmError(`the VM could not be started: ${error.message}`)))
      child.once('exit', (code, signal) => resolve({ code, signal }))
    })
    ended.catch(() => {})
    const bound = AbortSignal.timeout(launch.timeoutMs ?? 15_000)
    const pid = child.stdout ? await firstLine(child.stdout, ended, AbortSignal.any([launch.signal, bound])) : undefined
    child.stdout?.destroy()
    if (pid === 'aborted') {
      // The script and what it starts are in the shell's group.
      if (child.pid !== undefined) killGroup(child.pid)
      await ended
      launch.signal.throwIfAborted()
      throw new VmError(`the VM could not be started: the launch script did not come to QEMU in ${(launch.timeoutMs ?? 15_000) / 1000} s; the host is overloaded, or a namespace or device of the VM does not open`)
    }
    const identity = pid === undefined ? undefined : await identifyProcess(pid)
    if (!identity) {
      await ended
      throw new VmError(`the VM could not be started: ${await lastWords(launch.stderrFile)}`)
    }
    child.unref()
    return { identity, ended }
  } finally {
    await stderr.close()
  }
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch {
    // All of it ended by itself.
  }
}

/** The pid that the launch script prints; undefined when it ended without. */
async function firstLine(stdout: Readable, ended: Promise<ProcessEnd>, signal: AbortSignal): Promise<number | undefined | 'aborted'> {
  const told = new Promise<string>((resolve) => stdout.once('data', (chunk: Buffer) => resolve(chunk.toString('latin1'))))
  const aborted = new Promise<'aborted'>((resolve) => {
    if (signal.aborted) resolve('aborted')
    else signal.addEventListener('abort', () => resolve('aborted'), { once: true })
  })
  const line = await Promise.race([told, ended.then(() => ''), aborted])
  if (line === 'aborted') return line
  const pid = Number.parseInt(line, 10)
  return Number.isInteger(pid) ? pid : undefined
}

/** The end of what QEMU printed, at most 2 kB. Only the file's end is read: QEMU can make it as large as it wants. */
export async function lastWords(stderrFile: string): Promise<string> {
  const file = await open(stderrFile, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => null)
  if (!file) return ''
  try {
    const { size } = await file.stat()
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, Math.max(0, size - 4096))
    return buffer.toString('utf8', 0, bytesRead).replaceAll('\0', '').trim().slice(-2000)
  } catch {
    return ''
  } finally {
    await file.close()
  }
}
