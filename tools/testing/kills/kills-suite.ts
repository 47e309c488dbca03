import { randomInt } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { sampleReference } from '@/host/images/sample/sample-image'
import { cleanupAfterAll } from '../cleanup-after-all'
import { Fleet, fleetMs } from '../fleet'
import { seededRandom } from '../random'
import { ControlProcess } from './control-process'
import { figuresSetting, type KillFigures } from './figures'
import { LogWriter } from './log-writer'
import { Volumes } from './volumes'

/** Who is killed, and under what: each with each, and half of the volumes' turns attach and half detach. */
const victims = ['agent', 'control', 'QEMU'] as const
const works = ['attach or detach', 'attach or detach', 'grow', 'snapshot', 'pod anew'] as const
type Victim = (typeof victims)[number]

/** HYPERNETES_KILLS=50 is a longer run, HYPERNETES_KILLS_SEED one that is repeated; `npm run bench -- volume-kills` writes down what such runs found. */
const kills = wholeNumber('HYPERNETES_KILLS', 1) ?? victims.length * works.length
const seed = wholeNumber('HYPERNETES_KILLS_SEED', 0) ?? randomInt(2 ** 31)
const random = seededRandom(seed)
/** Milliseconds after which a kill may come. */
const latestMs = 2_000
/** What a step may take until all is as it should be again. */
const stepMs = 180_000

function wholeNumber(name: string, least: number): number | null {
  const text = process.env[name]
  if (text === undefined || text === '') return null
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < least) throw new Error(`${name} is ${JSON.stringify(text)}: set it to a whole number from ${least} on, or leave it out`)
  return number
}

/** `open`: makes the store, with the class that volumes have which name none. */
export type KilledStore = { open: (fleet: Fleet) => Promise<{ stop(): Promise<unknown> }> }

/** Ends it without a word, and begins it anew. */
async function kill(victim: Victim, { fleet, control }: { fleet: Fleet; control: ControlProcess }): Promise<void> {
  const machine = fleet.machineOf('a')
  if (victim === 'control') {
    await control.kill()
    control.begin()
  } else if (victim === 'agent') {
    await machine.killAgent()
    await pause(random.between(0, 1_000))
    machine.startAgent()
  } else {
    // None is there while its pod is made anew.
    const pids = (await machine.in('sh', '-c', 'pgrep -x qemu-system-x86 || true')).split('\n').filter(Boolean)
    if (pids.length > 0) await machine.in('sh', '-c', `kill -KILL ${pids.join(' ')} || true`)
  }
}

/** What is killed in the midst of what, in an order of chance; more than there are of these come again, in another one. */
function plan(): { victim: Victim; work: (typeof works)[number]; afterMs: number }[] {
  const all = Array.from({ length: Math.ceil(kills / (victims.length * works.length)) }, () => random.shuffled(victims.flatMap((victim) => works.map((work) => ({ victim, work })))))
  return all.flat().slice(0, kills).map((each) => ({ ...each, afterMs: random.between(0, latestMs) }))
}

/** What a pod was told is written to its volumes, whatever store those lie in and whatever dies: it is there. */
export function describeKillsUnder(name: string, store: KilledStore): void {
  describe(`volumes in ${name}`, () => {
    let parts: { fleet: Fleet; control: ControlProcess }
    let volumes: Volumes
    const cleanup = cleanupAfterAll()

    beforeAll(async () => {
      const fleet = await cleanup.open('the fleet', Fleet.start(['a'], {}, false), (one) => one.stop(), fleetMs)
      const control = await cleanup.open('the control process', ControlProcess.start(fleet.test.url, fleet.folder), (one) => one.end())
      await cleanup.open('the store', store.open(fleet), (one) => one.stop())
      await fleet.until('the host is ready', () => fleet.isReady('a'))
      parts = { fleet, control }
      volumes = await Volumes.create(fleet, sampleReference)
    }, 600_000)

    it(`whatever a pod was told is written to them is there after ${kills} kills of its host's agent, the control plane and its QEMU, while they are attached, detached, grown and snapshotted`, { timeout: 120_000 + kills * stepMs, retry: 0 }, async () => {
      console.log(`  HYPERNETES_KILLS_SEED=${seed}`)
      const from = performance.now()
      const killed: Record<Victim, number> = { agent: 0, control: 0, QEMU: 0 }
      const writer = new LogWriter(volumes.door, ['/data', '/hot'])
      cleanup.add('the writer', () => writer.stop())
      const doWork = { 'attach or detach': () => volumes.turn(), grow: () => volumes.grow(), snapshot: () => volumes.snapshot(writer), 'pod anew': () => volumes.podAnew() }
      for (const [n, { victim, work, afterMs }] of plan().entries()) {
        const begun = performance.now()
        await Promise.all([doWork[work](), pause(afterMs).then(() => kill(victim, parts))])
        killed[victim] += 1
        const before = writer.of('/data').length
        await parts.fleet.until(`the pod writes after kill ${n + 1}, of ${victim}`, async () => writer.of('/data').length > before + 3, stepMs)
        if (victim === 'QEMU' || work === 'pod anew') await volumes.expectAll(writer, `after kill ${n + 1}, of ${victim}`)
        console.log(`  ${n + 1}: ${work}, ${victim} killed after ${afterMs} ms, ${((performance.now() - begun) / 1000).toFixed(1)} s; ${writer.all} records acknowledged`)
      }
      await writer.stop()
      await volumes.detachHot()
      await volumes.podAnew()
      await volumes.attachHot()
      await volumes.expectAll(writer, 'at last')
      const inSnapshot = await volumes.expectAllInSnapshot()
      expect(writer.of('/hot').length, 'records of the volume that comes and goes').toBeGreaterThan(0)
      const seconds = Math.round((performance.now() - from) / 1000)
      const figures: KillFigures = { seed, seconds, killed, ext4: writer.of('/data').length, xfs: writer.of('/hot').length, inSnapshot, interruptions: writer.interruptions }
      console.log(`  none lost: ${JSON.stringify(figures)}`)
      const file = process.env[figuresSetting]
      if (file) await writeFile(file, JSON.stringify(figures))
    })
  })
}
