import type { VolumeFault } from '@/host/hypervisor/volume-disks'
import type { Clock } from '@/host/pods/clock'
import type { Logger } from '@/platform/logger'
import type { Hold } from './hold'
import type { PodVm } from './vms'

/** How often a full store is asked for room, and a VM that stands still for another cause tried again. */
const roomEveryMs = 1_000
const retryEveryMs = 5_000
/** So much, or the VM would stand still again at once. */
const roomBytes = 64 * 2 ** 20
/** A VM that goes on for so long has been taken what it wrote. */
const settledMs = 2_000
/** A guest that is told of each failed write may write for ever: its tenant is told once in so long. */
const tellEveryMs = 60_000

/** EFBIG, as the C library calls it. */
const tooLong = 'File too large'

export type FullParts = {
  clock: Clock
  log: Pick<Logger, 'warn'>
  /** Whether the pod has such a volume, or shall: of no other one anything is kept. */
  has: (serial: string) => boolean
  /** Of the store that a volume lies in; null: it does not answer. */
  freeBytes: (serial: string) => Promise<number | null>
  /** For what the VM stands still; null: for this volume it does not any more. */
  paused: (serial: string, pausedFor: Hold['pausedFor']) => void
  /** `message` names the volume as $volume. */
  tell: (type: 'Normal' | 'Warning', reason: string, serial: string, message: string) => void
}

/** Watches the writes and reads of one VM that a store does not carry out, and has a VM that stands still for them go on once it can. */
export class FullWatch {
  private readonly ending = new AbortController()
  private readonly unlisten: () => void
  /** What stopped the VM, by serial. */
  private readonly faults = new Map<string, VolumeFault>()
  private isWaiting = false
  private faultCount = 0
  private readonly toldAt = new Map<string, number>()

  constructor(
    private readonly vm: PodVm,
    private readonly parts: FullParts,
  ) {
    this.unlisten = vm.disks.onFault((fault) => this.took(fault))
  }

  end(): void {
    this.unlisten()
    this.ending.abort()
  }

  private took(fault: VolumeFault): void {
    const { serial, noSpace, paused, operation, reason } = fault
    if (!this.parts.has(serial)) return
    this.faultCount += 1
    if (!paused) {
      if (noSpace) this.tell('StoreFull', serial, 'The store of volume "$volume" has no room left: the pod was told so for what it wrote. Delete volumes or snapshots, or ask the operator for a larger store.')
      else this.tell('VolumeError', serial, `A ${operation} of volume "$volume" failed, and the pod was told so. The operator should look at its store.`)
      return
    }
    this.faults.set(serial, fault)
    this.parts.paused(serial, noSpace ? 'room' : 'answer')
    if (noSpace) this.tell('VolumePaused', serial, 'The pod stands still: the store of volume "$volume" has no room left. It goes on by itself, and nothing is lost, once there is: delete volumes or snapshots, or ask the operator for a larger store.')
    else if (reason === tooLong) this.tell('VolumeStalled', serial, 'The pod stands still: the file that volume "$volume" is written to is as long as it may become. Nothing is lost. Delete the pod, take a snapshot of the volume, and start the pod again: it writes to another file then. If the pod stands still again, make the volume smaller by copying what it holds, or ask the operator for a store whose files may be longer.')
    else this.tell('VolumeStalled', serial, 'The pod stands still: the store of volume "$volume" does not carry out what it asks for. It is tried again every 5 s, and nothing is lost; the operator should look at the store.')
    if (!this.isWaiting) void this.wait()
  }

  private tell(reason: string, serial: string, message: string): void {
    const key = `${reason} ${serial}`
    const now = this.parts.clock.steady()
    if (now - (this.toldAt.get(key) ?? -Infinity) < tellEveryMs) return
    this.toldAt.set(key, now)
    this.parts.tell('Warning', reason, serial, message)
  }

  private async wait(): Promise<void> {
    this.isWaiting = true
    const stopped = [...this.faults.keys()]
    while (this.faults.size > 0 && !this.ending.signal.aborted) {
      const isFull = [...this.faults.values()].some(({ noSpace }) => noSpace)
      await this.sleep(isFull ? roomEveryMs : retryEveryMs)
      // One that is held goes on, and tries what waits, when that is over.
      if (this.ending.signal.aborted || (isFull && !(await this.hasRoom())) || this.vm.isHeld) continue
      await this.tryAgain(stopped)
    }
    this.isWaiting = false
  }

  private async tryAgain(stopped: string[]): Promise<void> {
    const [known, count] = [[...this.faults.keys()], this.faultCount]
    this.faults.clear()
    await this.resume()
    await this.sleep(settledMs)
    if (this.faultCount !== count) {
      for (const serial of known) if (!this.faults.has(serial)) this.parts.paused(serial, null)
      return
    }
    for (const serial of new Set([...stopped, ...known])) {
      this.parts.paused(serial, null)
      this.toldAt.delete(`VolumePaused ${serial}`)
      this.parts.tell('Normal', 'VolumeResumed', serial, 'The pod goes on: the store of volume "$volume" takes what it writes again.')
    }
  }

  private async hasRoom(): Promise<boolean> {
    for (const { serial, noSpace } of this.faults.values()) if (noSpace && this.parts.has(serial) && ((await this.parts.freeBytes(serial)) ?? 0) < roomBytes) return false
    return true
  }

  private async resume(): Promise<void> {
    await this.vm.goOn().catch((error: unknown) => this.parts.log.warn({ err: error, pod: this.vm.podUid }, 'a virtual machine that stands still for a store did not go on'))
  }

  private async sleep(ms: number): Promise<void> {
    await this.parts.clock.sleep(ms, this.ending.signal).catch(() => {})
  }
}
