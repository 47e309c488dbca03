import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultEnvironment, run } from '@/platform/exec'
import { figuresSetting, killFigures, type KillFigures } from '@/tools/testing/kills/figures'
import type { Bench } from './promise'

const kills = 50
/** Milliseconds that one store takes at most. */
const longestMs = 3_600_000
const stores = ['files', 'ceph'] as const
type Store = (typeof stores)[number]
const nameOf = { files: 'files', ceph: 'Ceph' } as const satisfies Record<Store, string>
const lost = (store: Store): string => `Records that a pod was told are written to volumes in ${nameOf[store]}, and that are not there after ${kills} kills of its host’s agent, the control plane and its QEMU`

/** The kills of tools/testing/kills in both stores. A run that lost a record fails, and is no figure. */
export const volumeKills: Bench = {
  name: 'volume-kills',
  title: 'Volumes while agent, control plane and QEMU are killed',
  promises: stores.map((store) => ({ id: `volume-kills-${store}`, text: lost(store), unit: '', atMost: 0, digits: 0 })),
  run: async (say) => {
    const folder = await mkdtemp(join(tmpdir(), 'volume-kills-'))
    try {
      const lines: string[] = []
      for (const store of stores) {
        const line = describe(store, await killIn(store, join(folder, store)))
        say(line)
        lines.push(`- ${line}`)
      }
      return { values: Object.fromEntries(stores.map((store) => [`volume-kills-${store}`, 0])), details: `${about}\n\n${lines.join('\n')}` }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}

const about = `A pod appends numbered records to a volume with ext4 that is in its spec and to one with xfs that comes and goes, each record with an fsync of its own, and a client outside keeps which ones it was
told are there. Meanwhile its host's agent, the control plane and its QEMU are killed with SIGKILL, each at a random moment of each of these: a volume is attached, is detached, grows, is snapshotted, the pod is
deleted and made anew. After each kill of QEMU and each new pod, and at last, the logs are read, and at last also that of a clone of the last snapshot.`

async function killIn(store: Store, figures: string): Promise<KillFigures> {
  const env = { ...defaultEnvironment(), HYPERNETES_KILLS: String(kills), [figuresSetting]: figures }
  await run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', '--project', 'long', `tools/testing/kills/kills-in-${store}.long.test.ts`], { env, timeoutMs: longestMs })
  return killFigures.parse(JSON.parse(await readFile(figures, 'utf8')))
}

function describe(store: Store, { seed, seconds, killed: { agent, control, QEMU }, ext4, xfs, inSnapshot, interruptions }: KillFigures): string {
  return `${nameOf[store]}: ${agent + control + QEMU} kills (agent ${agent}, control plane ${control}, QEMU ${QEMU}) in ${(seconds / 60).toFixed(1)} minutes, ${interruptions} interruptions of the writer; ${ext4} records acknowledged on ext4 (${inSnapshot} before the last snapshot) and ${xfs} on xfs, none lost. \`HYPERNETES_KILLS=${kills} npm test -- long kills-in-${store}\`, seed ${seed} (\`HYPERNETES_KILLS_SEED\`).`
}
