import { chmod, chown, lchown, mkdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { memoryLimitHit, removeGroup } from '@/host/cgroups/group-files'
import { vmLimits, type VmLimits } from '@/host/cgroups/limits'
import type { Cgroups } from '@/host/cgroups/port'
import { qemuArguments } from './arguments'
import { lastWords, launchQemu, type Launch, type Launched, type VmNetwork } from './launch'
import { disksFolder, sockets, VmError, type VmShape } from './machine'
import { killProcess, waitUntilGone } from './process-identity'
import type { OpenFiles } from './open-files'
import { QmpClient } from './qmp'
import { replayFolder } from './replay-file'

export type QemuStart = {
  binary: string
  shape: VmShape
  uid: number
  /** A folder of this VM alone, owned by the agent. */
  runDir: string
  /** {@link prepareFolder} was called for this start. */
  folderIsReady?: boolean
  files: OpenFiles
  network: VmNetwork | null
  /** See {@link Launch.storage}. */
  storage?: Launch['storage']
  kvmNode: string | null
  cgroups: Cgroups
  /** See {@link vmLimits}; 0 but for clones. */
  templateHoleBytes?: number
  dieWithAgent: boolean
  /** How long until QEMU's monitor answers. */
  timeoutMs?: number
  signal: AbortSignal
}

/** `memoryBytes`: how much memory its group may have. */
export type StartedQemu = Launched & { qmp: QmpClient; cgroups: string[]; memoryBytes: number }

/** Where QEMU's sockets and plugged disks are. */
export const vmFolder = (runDir: string) => join(runDir, 'vm')
export const stderrFile = (runDir: string) => join(runDir, 'qemu.stderr')
export const qmpSocket = (runDir: string) => join(vmFolder(runDir), sockets.qmp)
export const filesSocket = (runDir: string) => join(vmFolder(runDir), sockets.files)
export const agentSocket = (runDir: string) => join(vmFolder(runDir), sockets.agent)

/** A VM's group is named after its folder, which is its alone on this host. */
export const groupName = (runDir: string) => `vm-${basename(runDir)}`

/** Of a VM that the kernel killed for its memory, for people. Tenants are told a cause up to its first colon: this has none. */
export const tookTooMuch = (limitBytes: number) => `it took more memory than its limit of ${Math.round(limitBytes / 2 ** 20)} MiB on the host, and the host's kernel killed it. Its containers are kept within the guest's memory, so this is QEMU itself; tell the operator if it happens again`

/** A Unix socket's path has room for so many bytes. */
const maxSocketPath = 107

/**
 * Starts QEMU in its folder and connects to its monitor. When it fails or is aborted, no process and no folder is left.
 * Throws VmError with QEMU's own words, or the signal's reason.
 */
export async function startQemu(start: QemuStart): Promise<StartedQemu> {
  const { runDir, signal } = start
  signal.throwIfAborted()
  if (Buffer.byteLength(agentSocket(runDir)) > maxSocketPath) throw new VmError(`the path ${runDir} is too long for a socket: use a shorter data folder`)
  const limits = vmLimits(start.shape, start.templateHoleBytes ?? 0, Boolean(start.storage))
  let launched: Launched | undefined
  let cgroups: string[] = []
  try {
    // Both are waited for, whichever fails: what is removed then must not be made meanwhile.
    const [group, folder] = await Promise.allSettled([makeCgroup(start, limits), start.folderIsReady ? null : prepareFolder(runDir, start.uid)])
    if (group.status === 'fulfilled') cgroups = group.value
    for (const result of [group, folder]) if (result.status === 'rejected') throw result.reason
    launched = await launchQemu({
      binary: start.binary,
      arguments: qemuArguments(start.shape),
      uid: start.uid,
      folder: vmFolder(runDir),
      stderrFile: stderrFile(runDir),
      files: start.files.descriptors,
      network: start.network,
      storage: start.storage ?? null,
      kvmNode: start.kvmNode,
      cgroups,
      dieWithAgent: start.dieWithAgent,
      signal,
    })
    const qmp = await connectMonitor({ ...launched, cgroups }, runDir, start.timeoutMs ?? 15_000, signal)
    await sealFolder(runDir)
    return { ...launched, qmp, cgroups, memoryBytes: limits.memoryBytes }
  } catch (error) {
    if (launched) await endProcess(launched)
    await removeVmFolder(runDir, cgroups)
    throw error
  }
}

/** Makes the folders of a VM that is about to start. */
export async function prepareFolder(runDir: string, uid: number): Promise<void> {
  await mkdir(runDir, { recursive: true, mode: 0o711 })
  await removeVmFolder(runDir)
  await mkdir(join(vmFolder(runDir), disksFolder), { recursive: true, mode: 0o711 })
  await chown(vmFolder(runDir), uid, uid)
  await chmod(vmFolder(runDir), 0o700)
}

/** Once its sockets stand, QEMU's user may no more change its folder: the agent then trusts every path in it. */
export async function sealFolder(runDir: string): Promise<void> {
  const folder = vmFolder(runDir)
  await lchown(folder, 0, 0)
  await chmod(folder, 0o711)
}

/** Removes what startQemu made, once the process is gone. */
export async function removeVmFolder(runDir: string, cgroups: readonly string[] = []): Promise<void> {
  await removeGroup(cgroups)
  await rm(vmFolder(runDir), { recursive: true, force: true })
  await rm(replayFolder(runDir), { recursive: true, force: true })
  await rm(stderrFile(runDir), { force: true })
}

async function makeCgroup({ cgroups, runDir }: QemuStart, limits: VmLimits): Promise<string[]> {
  try {
    return await cgroups.make(groupName(runDir), limits)
  } catch (error) {
    throw new VmError(`the VM's limits could not be set: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

async function connectMonitor({ ended, cgroups }: Launched & { cgroups: readonly string[] }, runDir: string, timeoutMs: number, signal: AbortSignal): Promise<QmpClient> {
  let over = false
  const died = ended.then(async ({ code, signal: killedBy }) => {
    over = true
    const limit = await memoryLimitHit(cgroups)
    if (limit !== null) throw new VmError(tookTooMuch(limit))
    throw new VmError(`QEMU ended at its start (${killedBy ?? `exit code ${code}`}): ${await lastWords(stderrFile(runDir))}`)
  })
  died.catch(() => {})
  const deadline = performance.now() + timeoutMs
  const attempt = async () => {
    for (;;) {
      signal.throwIfAborted()
      try {
        return await QmpClient.connect(qmpSocket(runDir), { signal })
      } catch (error) {
        // Once QEMU is gone, its own words say more.
        if (over) return died
        if (signal.aborted || performance.now() > deadline) throw error
        await delay(3)
      }
    }
  }
  try {
    return await Promise.race([attempt(), died])
  } finally {
    over = true
  }
}

/** Kills a VM that this agent started and waits until it is gone. */
export async function endProcess({ identity, ended }: Launched): Promise<void> {
  await killProcess(identity)
  await Promise.race([ended.catch(() => {}), waitUntilGone(identity, 10_000)])
}
