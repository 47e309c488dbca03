import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { sampleImage } from '@/domain/image/sample'
import { startInstallation, type Installation } from './installation'
import { deletePods, startPod } from './pods'
import type { Bench } from './promise'
import { median } from './statistics'

const floodSeconds = 40
const commands = 20
const MiB = 2 ** 20
const output = z.object({ stdout: z.string() })
const logLines = z.object({ lines: z.array(z.object({ text: z.string() })) })

/** 200 bytes a line, as fast as the guest can. */
const flood = { containers: [{ name: 'main', image: sampleImage, command: ['/bin/sh', '-c', `yes ${'x'.repeat(199)}`] }], terminationGracePeriodSeconds: 1 }

/** A pod that prints as fast as it can, beside a neighbour that is asked to run commands and the host agent's memory. */
export const logs: Bench = {
  name: 'logs',
  title: 'A pod that floods its log',
  promises: [
    { id: 'log-agent-memory', text: 'Memory of the host agent (RSS) above what it was, while one pod prints as fast as it can', unit: 'MiB', atMost: 96, digits: 1 },
    { id: 'log-neighbour', text: "A command in a neighbour's pod meanwhile, against beside a pod that computes as hard without printing", unit: '×', atMost: 1.5, digits: 2 },
  ],
  run: async (say) => {
    const at = await startInstallation('logs', {})
    try {
      await startPod(at, 'neighbour')
      const busy = { ...flood, containers: [{ ...flood.containers[0], command: ['/bin/sh', '-c', `yes ${'x'.repeat(199)} > /dev/null`] }] }
      await startPod(at, 'busy', busy)
      const beside = await commandTimes(at)
      await deletePods(at, ['busy'])
      const agent = await hostAgent(at)
      const before = await residentBytes(agent)
      await startPod(at, 'flood', flood)
      const watch = watchMemory(agent)
      const meanwhile = await commandTimes(at)
      await delay(floodSeconds * 1000)
      const rate = await printedBytesPerSecond(at)
      const most = await watch()
      const { lines } = await at.call('pod.logs', { tenant: at.tenant, name: 'flood', tailLines: 10_000 }, logLines)
      const marks = lines.filter(({ text }) => /lines? (were |was )?(lost|dropped|left out)|bytes (were )?(lost|dropped|left out)/i.test(text)).length
      await deletePods(at, ['flood', 'neighbour'])
      say(`printed ${(rate / 1e6).toFixed(1)} MB/s, agent ${(before / MiB).toFixed(0)} → ${(most / MiB).toFixed(0)} MiB, ${marks} marked gaps in the last ${lines.length} lines`)
      return {
        values: { 'log-agent-memory': Math.max(0, most - before) / MiB, 'log-neighbour': median(meanwhile) / median(beside) },
        details: `One pod prints lines of 200 bytes for ${floodSeconds} s, ${(rate / 1e6).toFixed(1)} MB/s as its process counts them. The host agent took ${(before / MiB).toFixed(0)} MiB before and at most
${(most / MiB).toFixed(0)} MiB meanwhile. ${commands} commands in a neighbour's pod took ${Math.round(median(meanwhile))} ms (median), beside a pod that computes without printing ${Math.round(median(beside))} ms.
In the log's last ${lines.length} lines ${marks} gaps were marked.`,
      }
    } finally {
      await at.stop()
    }
  },
}

async function commandTimes(at: Installation): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < commands; i++) {
    const begin = performance.now()
    await at.call('pod.run', { tenant: at.tenant, name: 'neighbour', command: ['/bin/true'] }, z.unknown())
    times.push(performance.now() - begin)
  }
  return times
}

/** What the flooding process has written, by its own counter, over two seconds of the guest's clock. */
async function printedBytesPerSecond(at: Installation): Promise<number> {
  const script = 'for i in 1 2; do cat /proc/uptime /proc/1/io; sleep 2; done'
  const { stdout } = await at.call('pod.run', { tenant: at.tenant, name: 'flood', command: ['/bin/sh', '-c', script] }, output)
  const written = [...stdout.matchAll(/wchar: (\d+)/g)].map((match) => Number(match[1]))
  const uptime = [...stdout.matchAll(/^(\d+\.\d+) \d+\.\d+$/gm)].map((match) => Number(match[1]))
  const [seconds, bytes] = [(uptime[1] ?? NaN) - (uptime[0] ?? NaN), (written[1] ?? NaN) - (written[0] ?? NaN)]
  if (!(seconds > 0)) throw new Error(`the guest told no counters: ${stdout.slice(0, 200)}`)
  return bytes / seconds
}

/** The host agent among the installation's processes. */
async function hostAgent(at: Installation): Promise<number> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const [command, status] = await Promise.all([readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''), readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')])
    if (/\/host\.mjs\0/.test(command) && Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]) === at.pid) return Number(pid)
  }
  throw new Error('the host agent of the installation was not found')
}

const residentBytes = async (pid: number) => Number(/^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024

/** Looks twice a second; the function that it gives ends that and tells the most that was seen. */
function watchMemory(pid: number): () => Promise<number> {
  let most = 0
  const look = async () => {
    most = Math.max(most, await residentBytes(pid))
  }
  const timer = setInterval(() => void look().catch(() => {}), 500)
  return async () => {
    clearInterval(timer)
    await look()
    return most
  }
}
