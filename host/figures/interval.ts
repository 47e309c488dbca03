import type { StatsResult } from '@/contracts/guest/v1/answers'
import type { PodFigures, Usage } from '@/contracts/host/v1/figures'

/** What a pod's VM can use at most, and the containers that its spec names. */
export type VmBounds = { vcpus: number; memoryBytes: number; diskBytes: number; containers: readonly string[] }

/** One reading of a pod. `at` is in milliseconds of a clock that only goes forward; `vm` is the host's own view, `stats` what the guest says. */
export type Reading = { at: number; stats: StatsResult; vm: { cpuMicroseconds: number | null; memoryBytes: number | null }; layers: ReadonlyMap<string, number> }

/** Faster than any disk or network that a VM is given: what a guest claims beyond it is not believed. */
const mostBytesPerMs = 12_500_000

/**
 * What happened between two readings. The guest is hostile: a counter that went back counts from nothing (a container that
 * was started again begins anew), nothing is more than the VM could have used in the time, and containers that the spec
 * does not name are left out. A lie costs nobody but the pod's own figures.
 */
export function intervalFigures(before: Reading, now: Reading, bounds: VmBounds): Pick<PodFigures, 'intervalMs' | 'vm' | 'containers'> {
  const intervalMs = Math.min(120_000, Math.max(1, Math.round(now.at - before.at)))
  const mostCpu = Math.ceil(bounds.vcpus * intervalMs * 1000)
  const mostBytes = mostBytesPerMs * intervalMs
  const grown = (from: number | undefined, to: number | undefined, most: number) => (to === undefined ? null : Math.min(most, from === undefined || to < from ? to : to - from))
  const earlier = new Map(before.stats.containers.map((each) => [each.container, each]))
  const seen = new Map(now.stats.containers.filter((each) => bounds.containers.includes(each.container)).map((each) => [each.container, each]))
  const containers = [...seen.values()].slice(0, 60).map((each) => {
    const past = earlier.get(each.container)
    return {
      name: each.container,
      cpuMicroseconds: grown(past?.cpuMicroseconds, each.cpuMicroseconds, mostCpu),
      memoryBytes: Math.min(each.memoryBytes, bounds.memoryBytes),
      readBytes: grown(past?.readBytes, each.readBytes, mostBytes),
      writtenBytes: grown(past?.writtenBytes, each.writtenBytes, mostBytes),
      receivedBytes: null,
      sentBytes: null,
      diskUsedBytes: atMost(now.layers.get(each.container), bounds.diskBytes),
    }
  })
  const { cpuMicroseconds: cpuBefore } = before.vm
  const { cpuMicroseconds: cpu, memoryBytes } = now.vm
  const vm: Usage = {
    // Its process is the host's to see; more than one thread for each vCPU works for it.
    cpuMicroseconds: cpu === null || cpuBefore === null || cpu < cpuBefore ? null : Math.min(cpu - cpuBefore, 2 ** 36),
    memoryBytes,
    readBytes: sum(containers.map((each) => each.readBytes), mostBytes),
    writtenBytes: sum(containers.map((each) => each.writtenBytes), mostBytes),
    receivedBytes: grown(before.stats.network?.receivedBytes, now.stats.network?.receivedBytes, mostBytes),
    sentBytes: grown(before.stats.network?.sentBytes, now.stats.network?.sentBytes, mostBytes),
    diskUsedBytes: atMost(now.stats.scratch?.usedBytes, bounds.diskBytes),
  }
  return { intervalMs, vm, containers }
}

const atMost = (value: number | undefined, most: number) => (value === undefined ? null : Math.min(value, most))

/** Null where nothing of it was told. */
function sum(values: readonly (number | null)[], most: number): number | null {
  const told = values.filter((value) => value !== null)
  return told.length === 0 ? null : Math.min(most, told.reduce((total, value) => total + value, 0))
}
