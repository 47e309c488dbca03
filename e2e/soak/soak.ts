import { newTenant } from '../fixtures/accounts'
import { expectBalance, takeBalanceAtRest, type Count } from './balance'
import { deleteAllPods } from './delete-all'
import { killMachine, plan, runDisturbed, runUndisturbed } from './disturbed-run'
import { expectSameEnd } from './end-state'
import { killable, type Fault } from './faults'
import { MachineWatch } from './machines'
import type { SoakOptions } from './options'
import { seededRandom } from './random'
import { makeScript } from './script'
import { expectUnknownWhileHostStands } from './silent-host'
import { expectUntouched, startSteady } from './steady'
import { Stream } from './stream'

export type SoakResult = {
  options: SoakOptions
  before: Count[]
  after: Count[]
  seconds: number
  created: number
  deleted: number
  commands: { acknowledged: number; sent: number }
  retries: Record<string, number>
  /** How long it took until another process was there, in ms by what was killed; of other faults, how long they lasted. */
  pauses: { fault: Fault; ms: number }[]
  samples: number
  most: number
}

type Stage = Awaited<ReturnType<typeof runDisturbed>>

/** Of the faults, those that end a process; the others come once for so many of them. */
const KILLS_A_STOP = 10

/**
 * Runs everything; throws at the first thing that must not be. In two stages: first a script is run once undisturbed and once
 * with faults, and the ends are compared; then the rest of the pods, whose last part is left in peace, so that what leaks has
 * time to show.
 */
export async function soak(options: SoakOptions, say: (line: string) => void): Promise<SoakResult> {
  const random = seededRandom(options.seed)
  const started = performance.now()
  say(`seed ${options.seed}: ${options.pods} pods by ${options.lanes} clients, ${options.kills} kills`)
  const [warm, steady, calm, stormy] = [await newTenant(), await newTenant(), await newTenant(), await newTenant()]
  for (const tenant of [warm, calm, stormy]) await runUndisturbed(tenant, makeScript(random, { pods: options.lanes, lanes: options.lanes }))
  const before = await takeBalanceAtRest()
  const keeper = new Stream(steady)
  const [first, second, phoenix] = [await startSteady(steady, keeper, 'steady-0'), await startSteady(steady, keeper, 'steady-1'), await startSteady(steady, keeper, 'phoenix')]
  const watch = new MachineWatch()
  for (const pod of [first, second]) watch.expectSteady(pod.metadata.uid)
  const stages: Stage[] = []
  try {
    const compared = Math.max(2 * options.lanes, Math.round(options.pods / 10))
    const killsFirst = options.pods > compared ? Math.round(options.kills / 3) : options.kills
    const script = makeScript(random, { pods: compared, lanes: options.lanes })
    const undisturbed = await runUndisturbed(calm, script)
    say(`undisturbed: ${compared} pods in ${undisturbed.seconds.toFixed(0)} s`)
    const disturbed = await runDisturbed(stormy, script, plan(random, script, faultsOf(killsFirst)), { watch, say })
    stages.push(disturbed)
    expectSameEnd(undisturbed.end, disturbed.end)
    say(`with faults: ${compared} pods in ${disturbed.seconds.toFixed(0)} s, and the same end`)
    await killMachine(steady, keeper, phoenix)
    say('a QEMU that was killed came back by its pod\'s restart policy')
    await expectUnknownWhileHostStands(keeper, first)
    say('a host agent that stood still was Unknown, and right again after')
    if (options.pods > compared) {
      const rest = makeScript(random, { pods: options.pods - compared, lanes: options.lanes })
      stages.push(await runDisturbed(stormy, rest, plan(random, rest, faultsOf(options.kills - killsFirst)), { watch, say }))
      await killMachine(steady, keeper, phoenix)
    }
    for (const pod of [first, second]) await expectUntouched(keeper, pod)
    watch.check()
    for (const pod of [first, second]) watch.release(pod.metadata.uid)
    await deleteAllPods(steady, keeper.retries)
    const after = await expectBalance(before)
    const sums = sumUp(stages, [keeper.retries])
    if (sums.retries['INTERNAL_SERVER_ERROR']) throw new Error(`${sums.retries['INTERNAL_SERVER_ERROR']} requests were answered as faults of the server's own: what may be tried again must say so`)
    return { options, before, after, seconds: (performance.now() - started) / 1000, ...sums, samples: watch.samples, most: watch.most }
  } finally {
    watch.end()
  }
}

/** So many kills, each process in turn, and the other faults now and then. */
function faultsOf(kills: number): Fault[] {
  const others = Math.floor(kills / KILLS_A_STOP)
  return [...Array.from({ length: kills }, (_, i) => killable[i % killable.length] ?? 'web'), ...Array.from({ length: others }, (): Fault[] => ['stopped host', 'no connections']).flat()]
}

function sumUp(stages: readonly Stage[], others: ReadonlyMap<string, number>[]): Pick<SoakResult, 'created' | 'deleted' | 'commands' | 'retries' | 'pauses'> {
  const sum = (key: (stage: Stage) => number) => stages.reduce((total, stage) => total + key(stage), 0)
  const retries: Record<string, number> = {}
  for (const each of [...others, ...stages.map(({ stream }) => stream.retries)]) for (const [code, count] of each) retries[code] = (retries[code] ?? 0) + count
  return {
    created: sum(({ stream }) => stream.created),
    deleted: sum(({ stream }) => stream.deleted),
    commands: { acknowledged: sum(({ stream }) => stream.commands.acknowledged), sent: sum(({ stream }) => stream.commands.sent) },
    retries,
    pauses: stages.flatMap(({ pauses }) => pauses),
  }
}
