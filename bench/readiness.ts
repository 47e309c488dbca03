import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { sampleImage } from '@/domain/image/sample'
import { podView } from '@/domain/pod/view'
import { namespacePrefix } from '@/host/network/names'
import { run } from '@/platform/exec'
import { startInstallation, type Installation } from './installation'
import { startPod, waitFor } from './pods'
import type { Bench } from './promise'
import { describeTimes, percentile } from './statistics'

const rounds = 20
const services = 50
const probed = {
  containers: [{ name: 'main', image: sampleImage, readinessProbe: { exec: { command: ['test', '-e', '/tmp/ready'] }, periodSeconds: 1, failureThreshold: 1 } }],
  terminationGracePeriodSeconds: 1,
}

/** From a pod's report that it is ready, or is not any more, to the rules of its network, through a whole installation. */
export const readiness: Bench = {
  name: 'readiness',
  title: 'A pod’s readiness in the kernel',
  promises: [{ id: 'readiness-p95', text: 'From the report that a pod is ready, or is not any more, to the change of its services in the kernel of its host, p95', unit: 'ms', atMost: 200, digits: 0 }],
  run: async (say) => {
    const at = await startInstallation('readiness', {})
    try {
      await startPod(at, 'web', probed)
      for (let n = 0; n < services; n++) await at.call('service.create', { tenant: at.tenant, name: `service-${n}`, spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] } }, z.unknown())
      await at.call('pod.update', { tenant: at.tenant, name: 'web', labels: { app: 'web' }, annotations: {} }, z.unknown())
      const changes = await KernelChanges.of(await namespaceOf(at))
      const [entered, left]: [number[], number[]] = [[], []]
      try {
        for (let round = 0; round <= rounds; round++) {
          for (const [times, ready, command] of [[entered, 'True', 'touch'], [left, 'False', 'rm']] as const) {
            const ms = await turn(at, changes, ready, command)
            if (round > 0) times.push(ms)
            say(`${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}, ${ready === 'True' ? 'ready' : 'not ready'}: ${Math.round(ms)} ms`)
          }
        }
      } finally {
        await changes.end()
      }
      return {
        values: { 'readiness-p95': percentile([...entered, ...left], 95) },
        details: `One pod that ${services} services lead to; its probe's file comes and goes. From the transition time of its condition \`Ready\` to the first line of \`nft monitor\` in its network's
namespace, on one machine and by one clock: report, endpoints controller, change feed, gateway, host, transaction. ${rounds} of each; milliseconds: median (least to most, p95). Ready ${describeTimes(entered)}; not ready
${describeTimes(left)}.`,
      }
    } finally {
      await at.stop()
    }
  },
}

async function turn(at: Installation, changes: KernelChanges, ready: string, command: string): Promise<number> {
  await at.call('pod.run', { tenant: at.tenant, name: 'web', command: [command, '/tmp/ready'] }, z.unknown())
  const since = await waitFor(`the pod's condition Ready to be ${ready}`, async () => {
    const { status } = await at.call('pod.get', { tenant: at.tenant, name: 'web' }, podView)
    const condition = status.conditions.find(({ type }) => type === 'Ready')
    return condition?.status === ready ? Date.parse(condition.lastTransitionTime) : null
  })
  return waitFor('the kernel to have it', async () => {
    const first = changes.firstAfter(since)
    return first === null ? null : first - since
  }, 20)
}

/** The network's namespace on this host: the only one of this installation, whose pods are all in one network. */
async function namespaceOf(at: Installation): Promise<string> {
  const prefix = namespacePrefix((await readFile(join(at.data, 'host', 'tag'), 'utf8')).trim())
  const { stdout } = await run('ip', ['netns', 'list'])
  const [name, ...others] = stdout.split('\n').map((line) => line.split(' ')[0] ?? '').filter((each) => each.startsWith(prefix))
  if (name === undefined || others.length > 0) throw new Error(`one network was expected, and there are ${name === undefined ? 0 : others.length + 1}`)
  return name
}

/** When rules of a namespace changed, as the kernel tells it. */
class KernelChanges {
  private readonly times: number[] = []

  private constructor(private readonly child: ReturnType<typeof spawn>) {
    if (child.stdout) createInterface({ input: child.stdout }).on('line', () => this.times.push(Date.now()))
  }

  static async of(namespace: string): Promise<KernelChanges> {
    const child = spawn('ip', ['netns', 'exec', namespace, 'nft', 'monitor'], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child, 'spawn')
    return new KernelChanges(child)
  }

  /** The first change after a moment, or null. */
  firstAfter(time: number): number | null {
    return this.times.find((each) => each >= time) ?? null
  }

  async end(): Promise<void> {
    this.child.kill('SIGTERM')
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit')
  }
}
