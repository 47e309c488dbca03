import type { PodView } from '@/domain/pod/view'
import { readGuestImage } from '../tools/setup/guest-image.mjs'
import { BareRecipe } from './bare-recipe'
import { startInstallation } from './installation'
import { deletePods, startMs, startPod } from './pods'
import type { Bench, BenchResult } from './promise'
import { describeTimes, median, percentile } from './statistics'

type Samples = { template: number[]; cold: number[]; bare: number[]; pods: Record<'template' | 'cold', PodView[]> }

const rounds = Number(process.env.BENCH_ROUNDS ?? 20)

/** One pod at a time, in turn: from a template, by a cold boot, and the bare recipe beside them. */
export const startTime: Bench = {
  name: 'start-time',
  title: 'Start of a pod',
  promises: [
    { id: 'start-to-cold', text: "Accepted by the API → first container's process, image present: from a template against a cold boot", unit: '×', atMost: 0.2, digits: 3 },
    { id: 'start-to-bare', text: 'The same start from a template against the bare recipe (QEMU, monitor and agent alone) beside it', unit: '×', atMost: 1.3, digits: 2 },
    { id: 'start-p95', text: 'p95 of starts from a template against their median', unit: '×', atMost: 2, digits: 2 },
  ],
  run: async (say) => report(await measure(say)),
}

async function measure(say: (line: string) => void): Promise<Samples> {
  const template = await startInstallation('template', { HYPERNETES_TEMPLATES: 'tenant-copy' })
  try {
    const cold = await startInstallation('cold', { HYPERNETES_TEMPLATES: 'cold' })
    try {
      const bare = await BareRecipe.prepare(readGuestImage(), 1)
      try {
        const samples: Samples = { template: [], cold: [], bare: [], pods: { template: [], cold: [] } }
        // The first start of each makes the template and warms caches; it does not count.
        for (let round = 0; round <= rounds; round++) {
          for (const [mode, at] of [['template', template], ['cold', cold]] as const) {
            const pod = await startPod(at, `pod-${round}`)
            if (pod.status.startMode !== mode) throw new Error(`pod ${pod.metadata.name} started by ${pod.status.startMode}, not by ${mode}: ${pod.status.message}`)
            await deletePods(at, [pod.metadata.name])
            say(`${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}, ${mode}: ${startMs(pod)} ms`)
            if (round === 0) continue
            samples[mode].push(startMs(pod))
            samples.pods[mode].push(pod)
          }
          const ms = await bare.start(0)
          await bare.stopAll()
          say(`${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}, bare: ${Math.round(ms)} ms`)
          if (round > 0) samples.bare.push(ms)
        }
        return samples
      } finally {
        await bare.remove()
      }
    } finally {
      await cold.stop()
    }
  } finally {
    await template.stop()
  }
}

function report({ template, cold, bare, pods }: Samples): BenchResult {
  const steps = stepMedians(pods).map((s) => `| ${s.name} | ${Math.round(s.template)} | ${Math.round(s.cold)} | |`)
  return {
    values: {
      'start-to-cold': median(template) / median(cold),
      'start-to-bare': median(template) / median(bare),
      'start-p95': percentile(template, 95) / median(template),
    },
    details: `One pod of the sample image at a time, in two installations side by side (\`HYPERNETES_TEMPLATES=tenant-copy\` and \`cold\`), in turn with
the bare recipe of bench/bare-recipe.ts; PostgreSQL, web, control and host run as \`npm start\` runs them. ${rounds} of each. Milliseconds: median
(least to most, p95). Accelerator: ${pods.template[0]?.status.accelerator ?? 'unknown'}.

| | template | cold boot | bare recipe |
|---|---|---|---|
| accepted → first process | ${describeTimes(template)} | ${describeTimes(cold)} | ${describeTimes(bare)} |
${steps.join('\n')}

Steps that run side by side overlap: their sum is more than the whole.`,
  }
}

function stepMedians(pods: Samples['pods']): { name: string; template: number; cold: number }[] {
  const of = (mode: 'template' | 'cold', name: string) => {
    const values = pods[mode].flatMap((pod) => pod.status.startSteps.filter((s) => s.name === name && s.ms !== null).map((s) => s.ms ?? 0))
    return values.length > 0 ? median(values) : 0
  }
  const names = [...new Set([...pods.template, ...pods.cold].flatMap((pod) => pod.status.startSteps.map((s) => s.name)))]
  return names.map((name) => ({ name, template: of('template', name), cold: of('cold', name) }))
}
