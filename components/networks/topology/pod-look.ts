import type { StateShape } from '@/components/ui/state-badge'
import { podStateShapes } from '@/components/pods/pod-states'
import type { TopologyPod } from './groups'

const shapes: Readonly<Record<string, StateShape>> = podStateShapes

/** A pod's state as word and shape; one that runs and is not ready gets nothing from services, and says so. */
export function lookOf({ state, ready }: Pick<TopologyPod, 'state' | 'ready'>): { shape: StateShape; word: string } {
  if (state === 'Running' && !ready) return { shape: 'unknown', word: 'Not ready' }
  return { shape: shapes[state] ?? 'unknown', word: state }
}

/** How many pods are in which state, the most first. */
export function countLooks(pods: readonly TopologyPod[]): { shape: StateShape; word: string; count: number }[] {
  const counts = new Map<string, { shape: StateShape; word: string; count: number }>()
  for (const pod of pods) {
    const look = lookOf(pod)
    counts.set(look.word, { ...look, count: (counts.get(look.word)?.count ?? 0) + 1 })
  }
  return [...counts.values()].sort((a, b) => b.count - a.count)
}
