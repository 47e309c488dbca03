import { readdir, readFile, readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startInstallation, type Installation } from './installation'
import { deletePods, startPods } from './pods'
import type { Bench } from './promise'
import { median } from './statistics'

const siblings = 12
const settleMs = 10_000
const MiB = 2 ** 20

/** Proportional memory of idle pods among siblings, from templates and cold, at the same translation buffer. */
export const memory: Bench = {
  name: 'memory',
  title: 'Memory of an idle pod',
  promises: [{ id: 'memory-to-cold', text: `Proportional memory (PSS) of an idle pod among ${siblings}: from a template against a cold boot, at equal tb-size`, unit: '×', atMost: 0.45, digits: 3 }],
  run: async (say) => {
    const template = await pssOf('tenant-copy', say)
    const cold = await pssOf('cold', say)
    return {
      values: { 'memory-to-cold': median(template.pss) / median(cold.pss) },
      details: `${siblings} idle pods of the sample image, ${settleMs / 1000} s after the last one's start, \`Pss\` of each QEMU's smaps_rollup: median
${(median(template.pss) / MiB).toFixed(1)} MiB from a template, ${(median(cold.pss) / MiB).toFixed(1)} MiB cold. Beside it the template's memory, shared by all pods of a tenant and size:
${(template.templateBytes / MiB).toFixed(1)} MiB, held once a tenant and size, and once more on disk.`,
    }
  },
}

async function pssOf(templates: 'tenant-copy' | 'cold', say: (line: string) => void): Promise<{ pss: number[]; templateBytes: number }> {
  const at = await startInstallation(templates === 'cold' ? 'cold' : 'clones', { HYPERNETES_TEMPLATES: templates })
  try {
    const pods = await startPods(at, 'idle', siblings)
    await delay(settleMs)
    const processes = await qemuProcesses(at)
    if (processes.length !== siblings) throw new Error(`${processes.length} QEMUs run for ${siblings} pods`)
    const pss = await Promise.all(processes.map(async (pid) => Number(/^Pss:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) * 1024))
    const bytes = templates === 'cold' ? 0 : await templateBytes(processes[0] ?? 0)
    say(`${templates}: median ${(median(pss) / MiB).toFixed(1)} MiB of ${pss.length}, template ${(bytes / MiB).toFixed(1)} MiB`)
    await deletePods(at, pods.map((pod) => pod.metadata.name))
    return { pss, templateBytes: bytes }
  } finally {
    await at.stop()
  }
}

/** The QEMUs whose files lie in this installation's data folder. */
async function qemuProcesses(at: Installation): Promise<number[]> {
  const found: number[] = []
  for (const name of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
    if (!/^\S*qemu-system/.test(command.split('\0')[0] ?? '')) continue
    const links = await Promise.all((await readdir(`/proc/${name}/fd`).catch(() => [])).map((fd) => readlink(join('/proc', name, 'fd', fd)).catch(() => '')))
    if (links.some((link) => link.startsWith(at.data))) found.push(Number(name))
  }
  return found
}

/** What the sealed memory of a template takes: the memfd that its clones have open. */
async function templateBytes(pid: number): Promise<number> {
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    const path = `/proc/${pid}/fd/${fd}`
    if ((await readlink(path).catch(() => '')).startsWith('/memfd:')) return (await stat(path)).blocks * 512
  }
  throw new Error('the clone has no template memory open')
}
