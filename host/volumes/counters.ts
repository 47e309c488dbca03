import type { DiskCounters } from '@/host/hypervisor/disk-counters'
import { serialOf } from './open-image'
import type { Volume } from './volume'
import type { PodVm, PodVms } from './vms'

/** A volume as one pod's VM has it. `storedBytes`: what it takes in its store; null: not known. `pluggedMs`: for how long it has had it, where this run of the agent plugged it in; null: an earlier one did. */
export type VolumeReading = { volumeUid: string; podUid: string; counters: DiskCounters; storedBytes: number | null; pluggedMs: number | null }

/** A VM that does not answer in this time is left out of a round: its disk may stand still with its store. */
const waitMs = 2_000

/** What volumes of running pods have done so far. A VM that owes an answer still is not asked again. */
export class VolumeCounters {
  private readonly asked = new WeakMap<PodVm, Promise<unknown>>()

  constructor(
    private readonly vms: Pick<PodVms, 'get'>,
    private readonly volumes: () => Iterable<Pick<Volume, 'uid' | 'state' | 'report'>>,
  ) {}

  async read(): Promise<VolumeReading[]> {
    const open = [...this.volumes()].flatMap((volume) => [...volume.state.holds].flatMap(([podUid, { state, pluggedAt }]) => (state === 'mounted' ? [{ volume, podUid, pluggedAt, vm: this.vms.get(podUid) }] : [])))
    const vms = [...new Set(open.flatMap(({ vm }) => vm ?? []))]
    const answers = new Map(await Promise.all(vms.map(async (vm) => [vm, await this.ask(vm)] as const)))
    const now = performance.now()
    return open.flatMap(({ volume, podUid, pluggedAt, vm }) => {
      const counters = vm && answers.get(vm)?.get(serialOf(volume.uid))
      return counters ? [{ volumeUid: volume.uid, podUid, counters, storedBytes: volume.report().storedBytes ?? null, pluggedMs: pluggedAt === null ? null : now - pluggedAt }] : []
    })
  }

  private async ask(vm: PodVm): Promise<ReadonlyMap<string, DiskCounters> | null> {
    if (this.asked.has(vm)) return null
    const answer = vm.disks.counters().catch(() => null).finally(() => this.asked.delete(vm))
    this.asked.set(vm, answer)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), waitMs)))
    return Promise.race([answer, late]).finally(() => clearTimeout(timer))
  }
}
