import { seededRandom } from '@/tools/testing/random'
import { newTenant } from '../fixtures/accounts'
import { settleBalance, takeBalanceAtRest } from './balance'
import type { Count } from './counts'
import { deleteAllPods } from './delete-all'
import { expectWithinStream, killMachine, plan, runDisturbed, runUndisturbed, type RunResult, type Struck } from './disturbed-run'
import { expectSameEnd } from './end-state'
import { expectServed, removeExposed, startExposed } from './exposed'
import { killable, untilReady, type Fault } from './faults'
import { measureLiving, settleLiving } from './living'
import { MachineWatch } from './machines'
import type { SoakOptions } from './options'
import { makeScript, type Lane } from './script'
import { Scribe } from './scribe'
import { expectUnknownWhileHostStands } from './silent-host'
import { expectUntouched, startSteady } from './steady'
import { Stream } from './stream'

/** What was counted at two times, and what of it was more than it may be. */
export type Compared = { before: Count[]; after: Count[]; left: string[] }

export type SoakResult = {
  options: SoakOptions
  /** Of the whole run. */
  whole: Compared
  /** Of the processes that lived through its last stage, in which nothing is killed: from after a warm-up of `warmUp` pods over the next `pods`. */
  peace: Compared & { warmUp: number; pods: number }
  /** Pods of the first stage, whose end was compared with that of a run without faults. */
  compared: number
  seconds: number
  created: number
  deleted: number
  commands: { acknowledged: number; sent: number }
  retries: Record<string, number>
  /** How long it took until another process was there, in ms by what was killed; of other faults, how long they lasted. */
  pauses: Struck[]
  samples: number
  most: number
  /** Records on a volume whose fsync was acknowledged under the faults; each of them is there. */
  written: number
  /** What must not be, beside what is left: the run has failed. */
  defects: string[]
}

/** Of the faults, those that end a process; the others come once for so many of them. */
const KILLS_A_STOP = 10
/** Of all pods, those of the stage without kills. */
const PEACE = 0.4
/** Of these, those after which it is measured for the first time. */
const WARM_UP = 0.2

/**
 * Runs everything; throws at the first thing that must not be on the way, and tells what is not as it was at the end. In three
 * stages: first a script is run once undisturbed and once with faults, and the ends are compared; then most of the pods with
 * most of the faults; then the rest without, so that what web, control and host agent leak shows in processes that live long.
 */
export async function soak(options: SoakOptions, say: (line: string) => void): Promise<SoakResult> {
  const random = seededRandom(options.seed)
  const started = performance.now()
  say(`seed ${options.seed}: ${options.pods} pods by ${options.lanes} clients, ${options.kills} kills`)
  const [warm, steady, calm, stormy] = [await newTenant(), await newTenant(), await newTenant(), await newTenant()]
  const scriptOf = (pods: number) => makeScript(random, { pods, lanes: options.lanes })
  for (const tenant of [warm, calm, stormy]) await runUndisturbed(tenant, scriptOf(options.lanes))
  const before = await takeBalanceAtRest()
  const keeper = new Stream(steady)
  const [first, second, phoenix] = [await startSteady(steady, keeper, 'steady-0'), await startSteady(steady, keeper, 'steady-1'), await startSteady(steady, keeper, 'phoenix')]
  const exposed = await startExposed(steady, keeper, 'exposed')
  const scribe = await Scribe.start(steady, keeper, 'scribe')
  const watch = new MachineWatch()
  for (const pod of [first, second]) watch.expectSteady(pod.metadata.uid)
  const runs: RunResult[] = []
  const pauses: Struck[] = []
  scribe.write()
  const disturbed = async (script: readonly Lane[], faults: readonly Fault[]) => {
    const run = await runDisturbed(stormy, script, plan(random, script, faults), { watch, say })
    expectWithinStream(run.pauses, faults)
    runs.push(run)
    pauses.push(...run.pauses)
    return run
  }
  try {
    const sizes = sizesOf(options)
    const killsFirst = Math.round(options.kills / 3)
    const script = scriptOf(sizes.compared)
    const undisturbed = await runUndisturbed(calm, script)
    say(`undisturbed: ${sizes.compared} pods in ${undisturbed.seconds.toFixed(0)} s`)
    const { end, seconds } = await disturbed(script, faultsOf(killsFirst))
    expectSameEnd(undisturbed.end, end)
    say(`with faults: ${sizes.compared} pods in ${seconds.toFixed(0)} s, and the same end`)
    for (const pod of [phoenix, scribe.pod]) await killMachine(steady, keeper, pod)
    say('a QEMU that was killed came back by its pod\'s restart policy')
    await expectUnknownWhileHostStands(keeper, first)
    say('a host agent that stood still was Unknown, and right again after')
    await disturbed(scriptOf(sizes.stormy), faultsOf(options.kills - killsFirst))
    for (const pod of [phoenix, scribe.pod]) await killMachine(steady, keeper, pod)
    await untilReady()
    const written = await scribe.expectAllThere()
    say(`${written} records of one who wrote to a volume were acknowledged, and all of them are there`)
    const peace = await runInPeace(async (pods) => void runs.push(await runUndisturbed(stormy, scriptOf(pods))), sizes, say)
    for (const pod of [first, second]) await expectUntouched(keeper, pod)
    await expectServed(exposed)
    watch.check()
    for (const pod of [first, second]) watch.release(pod.metadata.uid)
    await removeExposed(steady, keeper, exposed)
    await deleteAllPods(steady, keeper.retries)
    const whole = { before, ...(await settleBalance(before)) }
    const sums = sumUp(runs, [keeper.retries])
    const faults = sums.retries['INTERNAL_SERVER_ERROR'] ?? 0
    const defects = faults > 0 ? [`${faults} requests were answered as faults of the server's own: what may be tried again must say so`] : []
    return { options, whole, peace, compared: sizes.compared, seconds: (performance.now() - started) / 1000, ...sums, pauses, samples: watch.samples, most: watch.most, written, defects }
  } catch (error) {
    say(`broken off: ${error instanceof Error ? error.message : String(error)}`)
    throw error
  } finally {
    scribe.end()
    watch.end()
  }
}

type Sizes = { compared: number; stormy: number; warmUp: number; measured: number }

/** How the pods are shared out; a stage has two for each client at least. */
function sizesOf({ pods, lanes }: SoakOptions): Sizes {
  const least = (count: number) => Math.max(2 * lanes, Math.round(count))
  const compared = least(pods / 20)
  const warmUp = least(pods * PEACE * WARM_UP)
  const measured = least(pods * PEACE * (1 - WARM_UP))
  return { compared, warmUp, measured, stormy: least(pods - compared - warmUp - measured) }
}

/** Nothing is killed: web, control and host agent are measured after some pods, and again after many more. */
async function runInPeace(runPods: (pods: number) => Promise<void>, { warmUp, measured }: Sizes, say: (line: string) => void): Promise<SoakResult['peace']> {
  // The first time makes what it measures with, such as the debugger's thread.
  await measureLiving()
  await runPods(warmUp)
  const before = await measureLiving()
  say(`without kills: ${warmUp} pods to warm up`)
  await runPods(measured)
  const settled = await settleLiving(before)
  say(`without kills: ${measured} pods more`)
  return { before, ...settled, warmUp, pods: measured }
}

/** So many kills, each process in turn, and the other faults now and then. */
function faultsOf(kills: number): Fault[] {
  const others = Math.floor(kills / KILLS_A_STOP)
  return [...Array.from({ length: kills }, (_, i) => killable[i % killable.length] ?? 'web'), ...Array.from({ length: others }, (): Fault[] => ['stopped host', 'no connections']).flat()]
}

function sumUp(runs: readonly RunResult[], others: ReadonlyMap<string, number>[]): Pick<SoakResult, 'created' | 'deleted' | 'commands' | 'retries'> {
  const sum = (key: (run: RunResult) => number) => runs.reduce((total, run) => total + key(run), 0)
  const retries: Record<string, number> = {}
  for (const each of [...others, ...runs.map(({ stream }) => stream.retries)]) for (const [code, count] of each) retries[code] = (retries[code] ?? 0) + count
  return {
    created: sum(({ stream }) => stream.created),
    deleted: sum(({ stream }) => stream.deleted),
    commands: { acknowledged: sum(({ stream }) => stream.commands.acknowledged), sent: sum(({ stream }) => stream.commands.sent) },
    retries,
  }
}
