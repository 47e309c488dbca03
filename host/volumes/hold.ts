import type { AttachmentReport, HostVolume, HostVolumeAttachment } from '@/contracts/host/v1/volumes'
import type { NotedHold } from '@/host/ledger/volumes'
import type { HoldState, ObservedHold } from './plan'
import type { Problem } from './problem'
import type { PodVm } from './vms'

const firstRetryMs = 1_000
const lastRetryMs = 30_000

/** The wait after the n-th failure in a row. */
export const retryAfter = (failures: number): number => Math.min(firstRetryMs * 2 ** Math.max(0, failures - 1), lastRetryMs)

/** No program of the pod can mend it: what has the file system mounted has to let go. */
export const halted: Problem = {
  ...{ reason: 'FilesystemHalted', isFinal: false },
  message: 'A write to the volume failed, and its file system takes no more of them and opens no more files, also once its store has room. What is on its disk stays. Detach the volume and attach it again, or create the pod anew where its spec names it: it is checked before it is mounted.',
}

/** A pod that has a volume on this host, or shall: what is known of it. */
export class Hold {
  state: HoldState = 'closed'
  /** What the server says; null: it is to be detached. */
  attachment: HostVolumeAttachment | null = null
  /** To be taken away without the guest's word. */
  forced = false
  problem: Problem | null = null
  failures = 0
  /** Nothing is tried before this time of the steady clock. */
  notBefore = 0
  device: string | null = null
  usedBytes: number | null = null
  fsBytes: number | null = null
  /** The disk's, as QEMU has it. */
  size: number | null = null
  /** When this run of the agent plugged the disk in, by `performance.now()`; null: an earlier one did, or nothing is plugged. */
  pluggedAt: number | null = null
  /** The guest's file system is as large as the disk. */
  grown = true
  /** The limits that it has, as JSON. */
  rates = ''
  /** Its VM stands still: its store has no room, or carries nothing out. `writes`: its VM runs, but what it writes waits for room in Ceph. Null: none of it. */
  pausedFor: 'room' | 'answer' | 'writes' | null = null
  /** Its file system is not written to any more, after a write that was not carried out. */
  isHalted = false
  /** Files that must not be open for writing once it is closed; null: its store has not said which, since the agent was started anew. */
  files: string[] | null = []
  /** In which start of its container each hot mount was made. */
  readonly mounts = new Map<string, number>()

  constructor(
    readonly podUid: string,
    public name: string,
    public readOnly: boolean,
    public epoch: number,
  ) {}

  get noted(): NotedHold {
    const { podUid, name, readOnly, epoch } = this
    return { podUid, name, readOnly, epoch }
  }

  /** Whether what it has open is what the server says. */
  get isWanted(): boolean {
    const { attachment } = this
    return attachment !== null && attachment.epoch === this.epoch && attachment.readOnly === this.readOnly && attachment.name === this.name
  }

  /** Whether the disk of who writes to it has grown, and the volume has not yet: a snapshot of it would be cut off. */
  isLargerThan(volumeBytes: number): boolean {
    return this.state === 'mounted' && !this.readOnly && this.size !== null && this.size > volumeBytes
  }

  /** Nothing of it is open: what is opened next is what the server says. */
  closed(): void {
    this.state = 'closed'
    this.device = this.size = this.usedBytes = this.fsBytes = this.pluggedAt = null
    this.pausedFor = null
    this.isHalted = false
    this.rates = ''
    this.files = []
    this.mounts.clear()
    if (!this.attachment) return
    this.name = this.attachment.name
    this.readOnly = this.attachment.readOnly
    this.epoch = this.attachment.epoch
  }

  succeeded(): void {
    this.problem = null
    this.failures = 0
    this.notBefore = 0
  }

  failed(problem: Problem, now: number): void {
    this.problem = problem
    this.failures += 1
    this.notBefore = now + (problem.isFinal ? lastRetryMs : retryAfter(this.failures))
  }

  observe({ rates }: Pick<HostVolume, 'rates'>, vm: PodVm | null, now: number): ObservedHold {
    const mounts = vm === null || (this.attachment?.mounts ?? []).every(({ container, path }) => this.mounts.get(mountKey(container, path)) === vm.startOf(container))
    return { podUid: this.podUid, state: this.state, wanted: this.isWanted, writes: !this.readOnly, vm: vm !== null && !vm.isEnding, due: this.notBefore <= now, size: this.size, grown: this.grown, limited: this.rates === JSON.stringify(rates), mounts }
  }

  report(): AttachmentReport {
    const { podUid, epoch, device, usedBytes, fsBytes } = this
    const problem = this.problem ?? (this.isHalted ? halted : null)
    const said = { reason: problem?.reason.slice(0, 128) ?? '', message: problem?.message.slice(0, 4096) ?? '' }
    return { podUid, epoch, phase: this.phase, ...said, device, usedBytes, fsBytes, paused: this.pausedFor !== null, transport: 'direct' }
  }

  private get phase(): AttachmentReport['phase'] {
    if (!this.isWanted) return this.state === 'closed' ? 'Detached' : 'Detaching'
    if (this.state === 'mounted' || this.state === 'unknown') return 'Attached'
    return this.problem?.isFinal ? 'Failed' : 'Attaching'
  }
}

export const mountKey = (container: string, path: string): string => `${container}:${path}`
