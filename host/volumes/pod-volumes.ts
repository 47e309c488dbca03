import type { AssignedVolume } from '@/contracts/host/v1/volumes'
import { StepError, type Guest, type Machine, type SpecVolumes, type VolumePort } from '@/host/pods/ports'
import type { Logger } from '@/platform/logger'
import type { Changes } from './changes'
import { serialOf } from './open-image'
import { notWrittenOut } from './problem'
import type { Volume, VolumeParts } from './volume'
import type { PodVm, PodVms } from './vms'

export type PodVolumesParts = { vms: PodVms; volumes: ReadonlyMap<string, Volume>; changes: Changes; log: Pick<Logger, 'error'>; tell: VolumeParts['tell'] }

/** How often a volume that pods wait for may fail before their start does. */
const patientTries = 3

/** The volumes of this host as its pods' workers see them. */
export class PodVolumes implements VolumePort {
  constructor(private readonly parts: PodVolumesParts) {}

  async ready(podUid: string, { names, assigned }: SpecVolumes, onWait: (reason: string) => void, signal: AbortSignal): Promise<{ needsStorage: boolean }> {
    let said = ''
    for (;;) {
      signal.throwIfAborted()
      const change = this.parts.changes.next(signal)
      const volumes = assigned()
      const missing = names.find((name) => !volumes.some((one) => one.name === name && this.parts.volumes.get(one.volumeUid)?.state.isReadyFor(podUid, one.epoch)))
      if (missing === undefined) return { needsStorage: volumes.some(({ volumeUid }) => this.parts.volumes.get(volumeUid)?.store?.kind === 'rbd') }
      const reason = this.waitsFor(missing, volumes.find(({ name }) => name === missing))
      if (reason !== said) onWait(reason)
      said = reason
      await change
    }
  }

  private waitsFor(name: string, assigned: AssignedVolume | undefined): string {
    const volume = assigned && this.parts.volumes.get(assigned.volumeUid)
    const problem = volume?.state.problem
    if (problem) return `The pod waits for its volume "${name}": ${problem.message}`
    if (volume && !volume.store) return `The pod waits for its volume "${name}": its host does not reach the store that it lies in. It goes on by itself once it does.`
    return volume ? `The pod waits for its volume "${name}", which is being made ready on its host.` : `The pod waits for its volume "${name}", which the server has not given to its host yet.`
  }

  up(podUid: string, machine: Machine, guest: Guest, isFound: boolean): void {
    const vm = this.parts.vms.up(podUid, machine, guest)
    if (isFound) void this.unplugUnknown(vm)
  }

  async attachAll(podUid: string, { names, assigned }: SpecVolumes, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted()
      const change = this.parts.changes.next(signal)
      const volumes = new Map(assigned().map(({ name, volumeUid }) => [name, volumeUid]))
      const holds = names.map((name) => ({ name, hold: this.parts.volumes.get(volumes.get(name) ?? '')?.state.holds.get(podUid) }))
      const gone = holds.find(({ hold }) => !hold)
      if (gone) throw new StepError('VolumeGone', `The pod's volume "${gone.name}" was taken away from its host.`)
      const bad = holds.find(({ hold }) => hold?.problem && (hold.problem.isFinal || hold.failures >= patientTries))
      if (bad?.hold?.problem) throw new StepError(bad.hold.problem.reason, `The pod's volume "${bad.name}" could not be attached: ${bad.hold.problem.message}`)
      if (holds.every(({ hold }) => hold?.state === 'mounted')) return
      await change
    }
  }

  async detachAll(podUid: string, withinMs: number): Promise<string[]> {
    const vm = this.parts.vms.get(podUid)
    if (!vm) return []
    vm.isEnding = true
    const holds = [...this.parts.volumes.values()].flatMap(({ state }) => state.holds.get(podUid) ?? []).filter(({ state }) => state === 'mounted' || state === 'open')
    // A guest that stands still for a full store would not answer.
    if (this.isPaused(podUid)) return holds.map(({ name }) => name)
    const left = await Promise.all(holds.map(async (hold) => {
      const out = await vm.guest.detach({ volume: hold.name, force: false, timeoutMilliseconds: Math.max(1, Math.min(withinMs, 600_000)) }).catch(() => null)
      if (!out) return [hold.name]
      if (hold.state === 'mounted') hold.state = 'open'
      if (out.notWritten !== undefined) this.parts.tell(podUid, ...notWrittenOut(hold.name, out.notWritten))
      return []
    }))
    return left.flat()
  }

  containerStarted(podUid: string, container: string): void {
    this.parts.vms.get(podUid)?.containerStarted(container)
    for (const volume of this.parts.volumes.values()) if (volume.state.holds.get(podUid)?.attachment?.mounts) volume.retryNow()
  }

  isPaused(podUid: string): boolean {
    return this.pausedBecause(podUid) !== null
  }

  pausedBecause(podUid: string): string | null {
    for (const { state } of this.parts.volumes.values()) {
      const hold = state.holds.get(podUid)
      if (hold?.pausedFor === 'room') return `The pod stands still: the store of its volume "${hold.name}" has no room left. It goes on by itself, and nothing is lost, once there is: delete volumes or snapshots, or ask the operator for a larger store; then try this again.`
      if (hold?.pausedFor === 'answer') return `The pod stands still: the store of its volume "${hold.name}" does not carry out what it asks for. It goes on by itself, and nothing is lost, once it does; the operator should look at the store. Then try this again.`
    }
    return null
  }

  ended(podUid: string): void {
    this.parts.vms.ended(podUid)
  }

  /** Of what a VM has that no ledger speaks of: a crash came between, or its entry could not be read. */
  private async unplugUnknown(vm: PodVm): Promise<void> {
    try {
      // One that comes meanwhile is written down before it is plugged in.
      await vm.serial.do(async () => {
        // One that came to stand still before anybody listened has nobody else who would have it go on.
        if (await vm.disks.isStopped()) await vm.goOn()
        const there = await vm.disks.plugged()
        const known = new Set([...this.parts.volumes.values()].filter(({ state }) => state.holds.has(vm.podUid)).map(({ uid }) => serialOf(uid)))
        for (const { serial } of there) {
          if (known.has(serial)) continue
          this.parts.log.error({ pod: vm.podUid, serial }, 'a virtual machine has a volume that nothing was written down of: it is taken away')
          await vm.disks.unplug(serial, [])
        }
      })
    } catch (error) {
      this.parts.log.error({ err: error, pod: vm.podUid }, 'a virtual machine may have a volume open that nothing was written down of: it is ended')
      await vm.end().catch(() => {})
    }
  }
}
