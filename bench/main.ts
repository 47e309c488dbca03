import { readFile, writeFile } from 'node:fs/promises'
import { cpus, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { run } from '@/platform/exec'
import { firstLoadOfPodList } from './first-load'
import { describeTimes, measureStartTimes } from './start-time'

const rounds = Number(process.env.BENCH_ROUNDS ?? 20)
const file = fileURLToPath(new URL('../docs/SPECIFICATION.md', import.meta.url))
const limits = { startRatio: 0.25, firstLoadBytes: 200_000 }

const debian = async () => (await readFile('/etc/os-release', 'utf8')).match(/PRETTY_NAME="([^"]*)"/)?.[1] ?? 'unknown'
const qemu = async () => (await run('qemu-system-x86_64', ['--version'])).stdout.split('\n')[0] ?? ''

const start = await measureStartTimes(rounds, (line) => console.log(line))
const firstLoad = await firstLoadOfPodList((line) => console.log(line))
const met = (ok: boolean) => (ok ? 'met' : 'not met')

await writeFile(
  file,
  `# Specification

What Hypernetes promises, with what was measured. Written by \`npm run bench\`; every time is for comparison within one run on one
machine, so the promises are ratios. A change that breaks one breaks the bench.

Measured on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${await debian()}, Linux ${release()}, Node ${process.version}, ${await qemu()}, accelerator ${start.accelerator}.

| promise | measured | |
|---|---|---|
| Accepted by the API → first container's process, image present: from a template at most ${limits.startRatio} × of a cold boot (medians of ${rounds} each, alternating) | **${start.ratio.toFixed(3)} ×** | ${met(start.ratio <= limits.startRatio)} |
| First load of the pod list: at most ${limits.firstLoadBytes / 1000} kB of compressed JavaScript | **${(firstLoad / 1000).toFixed(1)} kB** | ${met(firstLoad <= limits.firstLoadBytes)} |

## Start of a pod

One pod of the sample image at a time, in two installations side by side (\`HYPERNETES_TEMPLATES=tenant-copy\` and \`cold\`); PostgreSQL, web,
control and host run as \`npm start\` runs them. Milliseconds: median (least to most, p95).

| | template | cold boot |
|---|---|---|
| accepted → first process | ${describeTimes(start.template)} | ${describeTimes(start.cold)} |
${start.steps.map((s) => `| ${s.name} | ${Math.round(s.template)} | ${Math.round(s.cold)} |`).join('\n')}

Steps that run side by side overlap: their sum is more than the whole.

Command: \`npm run bench\`.
`,
)
console.log(`written to ${file}: start ${start.ratio.toFixed(3)} ×, first load ${(firstLoad / 1000).toFixed(1)} kB`)
if (start.ratio > limits.startRatio || firstLoad > limits.firstLoadBytes) process.exitCode = 1
