import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { lastWords, type Launched, type ProcessEnd } from './launch'
import { Disks, type Disk } from './disks'
import { isRunning, killProcess, waitUntilGone } from './process-identity'
import type { QmpClient, QmpEvent } from './qmp'
import { memoryLimitHit } from '@/host/cgroups/group-files'
import { agentSocket, removeVmFolder, stderrFile, tookTooMuch } from './start-qemu'
import type { TemplateLease } from './templates/template-store'
import { VmError } from './machine'
import { FolderWatch } from './folder-watch'
import { ScratchWatch } from './scratch-watch'
import type { VmRecord } from './vm-record'
import { VolumeDisks } from './volume-disks'

/** How a VM ended: `cause` is one sentence for people. The process's own end is known only for a VM of this run of the agent. */
export type VmExit = { cause: string; code: number | null; signal: NodeJS.Signals | null }

/** How long a process may outlive its monitor's connection. */
const lingerMs = 5000

/** How long after QEMU its parent may take to tell how it ended. */
const parentLingerMs = 5000

/** Why QEMU says that it ends (its SHUTDOWN event), in words. */
const reasons: Record<string, string> = {
  'guest-shutdown': 'the guest shut down',
  'guest-reset': 'the guest restarted',
  'guest-panic': "the guest's kernel panicked",
  'host-qmp-quit': 'the host stopped it',
  'host-signal': 'QEMU was told to end by a signal',
}

/**
 * A VM that runs, started or found again by this agent. It ends in one way whoever ends it: `exited` resolves with the
 * cause when the process is gone, its folder removed and its template given back.
 */
export class RunningVm {
  readonly exited: Promise<VmExit>
  /** The pod's volumes. */
  readonly volumes: VolumeDisks
  private readonly disks: Disks
  private readonly folder: FolderWatch
  private readonly scratch: ScratchWatch | null
  private shutdownReason: string | undefined
  private asked: string | undefined
  private detached = false

  constructor(
    readonly record: VmRecord,
    private readonly qmp: QmpClient,
    private readonly lease: TemplateLease | null,
    launched: Launched | null,
  ) {
    this.disks = new Disks(qmp, record.runDir)
    this.volumes = new VolumeDisks(qmp, record)
    this.folder = new FolderWatch(stderrFile(record.runDir), () => void this.condemn('its folder was removed'))
    this.scratch = record.scratch && new ScratchWatch(record.scratch, record.runDir, (what) => void this.condemn(`it made ${what} larger than it was given, which QEMU never does: it may have been broken into from the guest; tell the operator`))
    qmp.on('event', (event) => this.observe(event))
    this.exited = this.watch(launched)
  }

  get pid(): number {
    return this.record.process.pid
  }

  /** The socket of the guest agent's port: one connection at a time. */
  get agentSocket(): string {
    return agentSocket(this.record.runDir)
  }

  plugDisk(disk: Disk): Promise<void> {
    return this.disks.plug(disk)
  }

  unplugDisk(serial: string): Promise<void> {
    return this.disks.unplug(serial)
  }

  /** Presses the power button: the guest may take it as it likes. */
  powerdown(): Promise<void> {
    return this.qmp.command('system_powerdown')
  }

  /** Ends the process now: QEMU is asked, and killed when it does not within 2 s. Resolves when all is gone; safe to call again. */
  async quit(): Promise<VmExit> {
    this.asked ??= 'the host stopped it'
    await this.qmp.command('quit', {}, { timeoutMs: 2000 }).catch(() => {})
    if (!(await waitUntilGone(this.record.process, 2000))) await killProcess(this.record.process)
    return this.bounded()
  }

  /** Kills the process. Resolves when all is gone. */
  async kill(): Promise<VmExit> {
    this.asked ??= 'the host killed it'
    await killProcess(this.record.process)
    return this.bounded()
  }

  /** Leaves the VM running for the next run of the agent. `exited` never resolves then. */
  detach(): void {
    this.detached = true
    this.folder.stop()
    this.scratch?.stop()
    this.qmp.close()
  }

  /** What the guest's kernel last printed on its console, at most 64 kB. */
  console(): Promise<string> {
    return this.qmp.execute('ringbuf-read', { device: 'console', size: 65_536, format: 'utf8' }, z.string())
  }

  private async bounded(): Promise<VmExit> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new VmError(`process ${this.pid} cannot be killed`)), 15_000)
    })
    try {
      return await Promise.race([this.exited, late])
    } finally {
      clearTimeout(timer)
    }
  }

  private async condemn(cause: string): Promise<void> {
    if (this.detached) return
    this.asked ??= cause
    await killProcess(this.record.process)
  }

  private observe(event: QmpEvent): void {
    const reason = event.event === 'SHUTDOWN' ? event.data?.reason : undefined
    if (typeof reason === 'string') this.shutdownReason = reason
  }

  private async watch(launched: Launched | null): Promise<VmExit> {
    const disconnected = new Promise<void>((resolve) => {
      if (this.qmp.closed) resolve()
      else this.qmp.once('close', () => resolve())
    })
    const told = launched === null ? undefined : this.toldEnd(launched)
    await (told ? Promise.race([told.then(async (end) => void (end ?? (await disconnected))), disconnected]) : disconnected)
    // A QEMU without a monitor cannot be governed: it ends now.
    for (let patienceMs = lingerMs; !this.detached && !(await waitUntilGone(this.record.process, patienceMs)); patienceMs = 60_000) {
      if (!this.detached) await killProcess(this.record.process)
    }
    if (this.detached) return new Promise(() => {})
    this.qmp.close()
    this.folder.stop()
    this.scratch?.stop()
    const unknown = { code: null, signal: null }
    const { code, signal } = (await Promise.race([told, delay(parentLingerMs, undefined, { ref: false })])) ?? unknown
    const cause = await this.cause(code, signal)
    await removeVmFolder(this.record.runDir, this.record.cgroups)
    await this.lease?.release()
    return { cause, code, signal }
  }

  /** How QEMU ended, as its parent tells; undefined when only the parent ended, of a signal that did not reach QEMU: that goes on, and its monitor tells its end. */
  private async toldEnd({ ended }: Launched): Promise<ProcessEnd | undefined> {
    const end = await ended.catch(() => undefined)
    return (await isRunning(this.record.process)) ? undefined : end
  }

  private async cause(code: number | null, signal: NodeJS.Signals | null): Promise<string> {
    if (this.asked) return this.asked
    const limit = await memoryLimitHit(this.record.cgroups)
    if (limit !== null) return tookTooMuch(limit)
    if (this.shutdownReason) return reasons[this.shutdownReason] ?? `QEMU ended (${this.shutdownReason})`
    const words = await lastWords(stderrFile(this.record.runDir))
    const how = signal ? `QEMU was killed by ${signal}` : code === null ? 'QEMU ended' : `QEMU ended with code ${code}`
    return words ? `${how}: ${words}` : how
  }
}
