import { readGuestImage } from '../tools/setup/guest-image.mjs'
import { loadConfig } from '@/platform/config'
import { BareRecipe, startTogether } from './bare-recipe'
import { startInstallation, type Installation } from './installation'
import { deletePods, startMs, startPods, togetherMs } from './pods'
import type { Bench } from './promise'
import { describeTimes, median } from './statistics'

const together = 20
const rounds = 5
const densities = [1, 10, 50, 100]

/** Pods applied in one manifest against the bare recipe with as many machines and the same bound on concurrent starts. */
export const startsTogether: Bench = {
  name: 'together',
  title: 'Many pods at once',
  promises: [{ id: 'together-to-bare', text: `${together} pods applied together, until the last one's process runs, against the bare recipe for ${together} with the same bound on concurrent starts`, unit: '×', atMost: 1.25, digits: 2 }],
  run: async (say) => {
    const { concurrentStarts } = loadConfig()
    const times = { pods: [] as number[], bare: [] as number[] }
    const at = await startInstallation('together', {})
    let table: string[]
    try {
      const bare = await BareRecipe.prepare(readGuestImage(), together)
      try {
        await bare.start(0)
        await bare.stopAll()
        await removed(at, await startPods(at, 'warm', 3))
        for (let round = 1; round <= rounds; round++) {
          const pods = await startPods(at, `round-${round}`, together)
          times.pods.push(togetherMs(pods))
          await removed(at, pods)
          times.bare.push(await startTogether(bare, together, concurrentStarts))
          await bare.stopAll()
          say(`round ${round} of ${rounds}: ${Math.round(times.pods.at(-1) ?? 0)} ms against ${Math.round(times.bare.at(-1) ?? 0)} ms`)
        }
      } finally {
        await bare.remove()
      }
      table = await densityTable(at, say)
    } finally {
      await at.stop()
    }
    return {
      values: { 'together-to-bare': median(times.pods) / median(times.bare) },
      details: `${together} pods of the sample image in one manifest, at most ${concurrentStarts} starts at a time, in turn with the bare recipe; ${rounds} rounds, milliseconds: pods
${describeTimes(times.pods)}, bare ${describeTimes(times.bare)}.

Start times with so many pods applied at once on this one machine; those that wait for their turn wait in "accepted → first process".

| pods | accepted → first process, ms | all run after, ms | a second |
|---|---|---|---|
${table.join('\n')}`,
    }
  },
}

async function densityTable(at: Installation, say: (line: string) => void): Promise<string[]> {
  const rows: string[] = []
  for (const count of densities) {
    const pods = await startPods(at, `density-${count}`, count)
    const all = togetherMs(pods)
    rows.push(`| ${count} | ${describeTimes(pods.map(startMs))} | ${Math.round(all)} | ${((count * 1000) / all).toFixed(1)} |`)
    say(`${count} pods: all run after ${Math.round(all)} ms`)
    await removed(at, pods)
  }
  return rows
}

const removed = (at: Installation, pods: readonly { metadata: { name: string } }[]) => deletePods(at, pods.map((pod) => pod.metadata.name))
