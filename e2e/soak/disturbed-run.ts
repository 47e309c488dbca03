import { setTimeout as delay } from 'node:timers/promises'
import type { PodView } from '@/domain/pod/view'
import type { Random } from '@/tools/testing/random'
import type { Tenant } from '../fixtures/accounts'
import { deleteAllPods } from './delete-all'
import { disturb, untilReady, type Fault } from './faults'
import { machinesOf, type MachineWatch } from './machines'
import { stepsOf, type Lane } from './script'
import { Stream } from './stream'
import { readEndState, type EndState } from './end-state'

export type RunResult = { end: EndState; stream: Stream; seconds: number }

/** Runs a script without a fault, and takes away what it kept. */
export async function runUndisturbed(tenant: Tenant, script: readonly Lane[]): Promise<RunResult> {
  return runScript(tenant, script, async () => {})
}

/** When a fault comes: before this step of all, and then so many ms later. */
type Moment = { fault: Fault; beforeStep: number; afterMs: number; lastsMs: number }

/** Spreads faults over the first `share` of a script's steps. */
export function plan(random: Random, script: readonly Lane[], faults: readonly Fault[], share = 0.85): Moment[] {
  const steps = Math.max(1, Math.floor(stepsOf(script) * share))
  return random
    .shuffled(faults)
    .map((fault) => ({ fault, beforeStep: random.between(1, steps), afterMs: random.between(0, 1500), lastsMs: random.between(1500, 12_000) }))
    .sort((a, b) => a.beforeStep - b.beforeStep)
}

/** A fault that struck. `ms`: until another process was there, or how long it lasted. `left`: how many steps the stream had still to take when it struck. */
export type Struck = { fault: Fault; ms: number; left: number }

/** By how many steps of all the stream may be ahead of a fault that is due. */
const LAG = 0.05

/**
 * Runs a script while faults strike at the planned moments. The stream does not run away from them: where a fault is late, for
 * the one before it lasted, clients wait with their next step until it strikes. Throws at the first thing that must not be.
 */
export async function runDisturbed(tenant: Tenant, script: readonly Lane[], moments: readonly Moment[], { watch, say }: { watch: MachineWatch; say: (line: string) => void }): Promise<RunResult & { pauses: Struck[] }> {
  const pauses: Struck[] = []
  const all = stepsOf(script)
  let steps = 0
  let begun = 0
  let over = false
  let failed = false
  let broken: Error | undefined
  const isLate = () => (moments[begun]?.beforeStep ?? Infinity) + all * LAG <= steps
  const strike = async () => {
    for (const { fault, beforeStep, afterMs, lastsMs } of moments) {
      while (steps < beforeStep && !over) await delay(20)
      await delay(afterMs)
      if (failed) return
      const left = over ? 0 : all - steps
      begun += 1
      const ms = await disturb(fault, lastsMs)
      pauses.push({ fault, ms, left })
      say(`${left} of ${all} steps left: ${fault}, ${(ms / 1000).toFixed(1)} s`)
    }
    await untilReady()
  }
  const onStep = async () => {
    while (isLate() && !broken) await delay(20)
    steps += 1
    watch.check()
    if (broken) throw broken
  }
  const striking = strike().catch((error: unknown) => {
    broken = error instanceof Error ? error : new Error(String(error))
  })
  try {
    return { ...(await runScript(tenant, script, onStep, async () => {
      over = true
      await striking
      if (broken) throw broken
    })), pauses }
  } catch (error) {
    failed = true
    throw error
  } finally {
    over = true
    await striking
  }
}

/** Throws unless every one of these faults struck while the stream had work left. */
export function expectWithinStream(pauses: readonly Struck[], faults: readonly Fault[]): void {
  const within = pauses.filter(({ left }) => left > 0).map(({ fault }) => fault)
  if (within.sort().join() !== faults.toSorted().join()) throw new Error(`faults that struck before the stream was over: ${within.join(', ') || 'none'}; planned: ${faults.toSorted().join(', ')}`)
}

async function runScript(tenant: Tenant, script: readonly Lane[], onStep: () => Promise<void>, before: () => Promise<void> = async () => {}): Promise<RunResult> {
  const stream = new Stream(tenant, onStep)
  const start = performance.now()
  await stream.run(script)
  const seconds = (performance.now() - start) / 1000
  await before()
  for (const work of script.flat().filter(({ deleted }) => deleted === 'never')) {
    const wanted = work.kind === 'serve' ? 'Running' : work.exitCode === 0 ? 'Succeeded' : 'Failed'
    await stream.waitFor(work.name, (pod) => pod.status.phase === wanted && (wanted !== 'Running' || isReady(pod)))
  }
  const end = await readEndState(tenant, stream)
  await deleteAllPods(tenant, stream.retries)
  return { end, stream, seconds }
}

const isReady = (pod: PodView) => pod.status.containers.every((each) => each.ready) && pod.status.conditions.every(({ type, status }) => type !== 'Ready' || status === 'True')

/** Ends a pod's QEMU as the kernel does when memory runs out, and waits for what its restart policy says: another machine with its container running again. */
export async function killMachine(tenant: Tenant, stream: Stream, pod: PodView): Promise<void> {
  const [machine] = machinesOf(pod.metadata.uid)
  if (!machine) throw new Error(`${pod.metadata.name} has no machine`)
  const restarts = (each: PodView) => each.status.containers[0]?.restartCount ?? 0
  const before = restarts(await stream.waitFor(pod.metadata.name, () => true))
  process.kill(machine.pid, 'SIGKILL')
  await stream.waitFor(pod.metadata.name, (now) => now.status.phase === 'Running' && restarts(now) === before + 1 && machinesOf(pod.metadata.uid)[0]?.pid !== machine.pid)
}
