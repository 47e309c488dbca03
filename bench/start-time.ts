import type { PodView } from '@/domain/pod/view'
import { startInstallation } from './installation'
import { deletePods, startMs, startPod } from './pods'
import { median, percentile } from './statistics'

export type StartTimes = { template: number[]; cold: number[]; steps: { name: string; template: number; cold: number }[]; ratio: number; accelerator: string }

/** Two installations side by side, one that starts from templates and one that boots cold; one pod at a time, in turn. */
export async function measureStartTimes(rounds: number, say: (line: string) => void): Promise<StartTimes> {
  const template = await startInstallation('template', { HYPERNETES_TEMPLATES: 'tenant-copy' })
  try {
    const cold = await startInstallation('cold', { HYPERNETES_TEMPLATES: 'cold' })
    try {
      const pods: Record<'template' | 'cold', PodView[]> = { template: [], cold: [] }
      // The first start of each makes the template and warms caches; it does not count.
      for (let round = 0; round <= rounds; round++) {
        for (const [mode, at] of [['template', template], ['cold', cold]] as const) {
          const pod = await startPod(at, `pod-${round}`)
          if (pod.status.startMode !== mode) throw new Error(`pod ${pod.metadata.name} started by ${pod.status.startMode}, not by ${mode}: ${pod.status.message}`)
          if (round > 0) pods[mode].push(pod)
          say(`${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}, ${mode}: ${startMs(pod)} ms`)
          await deletePods(at, [pod.metadata.name])
        }
      }
      const times = { template: pods.template.map(startMs), cold: pods.cold.map(startMs) }
      return { ...times, steps: stepMedians(pods), ratio: median(times.template) / median(times.cold), accelerator: pods.template[0]?.status.accelerator ?? 'unknown' }
    } finally {
      await cold.stop()
    }
  } finally {
    await template.stop()
  }
}

function stepMedians(pods: Record<'template' | 'cold', PodView[]>): StartTimes['steps'] {
  const of = (mode: 'template' | 'cold', name: string) => {
    const values = pods[mode].flatMap((pod) => pod.status.startSteps.filter((s) => s.name === name && s.ms !== null).map((s) => s.ms ?? 0))
    return values.length > 0 ? median(values) : 0
  }
  const names = [...new Set([...pods.template, ...pods.cold].flatMap((pod) => pod.status.startSteps.map((s) => s.name)))]
  return names.map((name) => ({ name, template: of('template', name), cold: of('cold', name) }))
}

export const describeTimes = (values: readonly number[]): string => `${Math.round(median(values))} (${Math.round(Math.min(...values))} to ${Math.round(Math.max(...values))}, p95 ${Math.round(percentile(values, 95))})`
