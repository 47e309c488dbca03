import { filters, reasonsOfRoom } from './filters'
import type { Demand, HostState } from './snapshot'
import { fullStore } from './volumes'

export type Placement = { host: HostState } | { reasons: Map<string, number>; hosts: number }

/** The share of memory that stays free, 0 to 1: the pod goes where most is left, so that load spreads. */
const leastAllocated = (host: HostState, demand: Demand): number => (host.totalMemoryMiB > 0 ? (host.freeMemoryMiB - demand.memoryMiB) / host.totalMemoryMiB : 0)

/**
 * Decides one pod's host: filter, score, the best by (score, name). Pure. When none passes, each host is counted under
 * the first filter that refused it.
 */
export function place(hosts: readonly HostState[], demand: Demand): Placement {
  const reasons = new Map<string, number>()
  let best: { host: HostState; score: number } | null = null
  for (const host of hosts) {
    const reason = filters.reduce<string | null>((found, filter) => found ?? filter.check(host, demand), null)
    if (reason) {
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
      continue
    }
    const score = leastAllocated(host, demand)
    if (!best || score > best.score || (score === best.score && host.name < best.host.name)) best = { host, score }
  }
  return best ? { host: best.host } : { reasons, hosts: hosts.length }
}

/** Why a pod fits nowhere: `0 of 3 hosts fit: 2 too little free memory, 1 not ready.` with what to do about it. `volumes`: what of them is in the way; empty: nothing. */
export function explainNoFit(reasons: ReadonlyMap<string, number>, hosts: number, demand: Demand, volumes = ''): string {
  if (hosts === 0) return 'No host is registered. Start a host agent and let it connect.'
  const counted = [...reasons].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([reason, count]) => `${count} ${reason}`)
  // No host is in the way: of which were counted how often says nothing.
  if (demand.volumes?.problem) return `${volumes} It is tried again by itself.`
  // Where no host lacks room, a smaller pod would fit no better.
  if (!reasonsOfRoom.some((reason) => reasons.has(reason))) {
    const helps = reasons.has(fullStore) ? 'Delete volumes or snapshots that are in that store, ask for smaller ones, or have an operator give it room. ' : ''
    return `0 of ${hosts} hosts fit: ${counted.join(', ')}. ${volumes === '' ? '' : `${volumes} `}${helps}It is tried again by itself, as soon as that changes.`
  }
  const needs = `${volumes === '' ? '' : `${volumes} `}The pod needs ${demand.memoryMiB} MiB of memory (the VM and its overhead), ${demand.vcpus} vCPU and ${demand.milliCpu}m of CPU.`
  return `0 of ${hosts} hosts fit: ${counted.join(', ')}. ${needs} Lower its limits, delete other pods or add a host; it is tried again by itself.`
}
