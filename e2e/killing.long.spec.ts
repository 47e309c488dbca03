import { seededRandom } from '@/tools/testing/random'
import { signInByRequest } from './fixtures/accounts'
import { expect, test } from './fixtures/test'
import { expectBalance, takeBalanceAtRest } from './soak/balance'
import { codeOf } from './soak/client'
import { takeAllConnections } from './soak/connections'
import { deleteAllPods } from './soak/delete-all'
import { expectWithinStream, killMachine, plan, runDisturbed, runUndisturbed } from './soak/disturbed-run'
import { expectSameEnd } from './soak/end-state'
import { expectServed, removeExposed, startExposed } from './soak/exposed'
import { killable, untilServerReady } from './soak/faults'
import { MachineWatch } from './soak/machines'
import { Scribe } from './soak/scribe'
import { makeScript } from './soak/script'
import { expectUnknownWhileHostStands } from './soak/silent-host'
import { expectUntouched, startSteady } from './soak/steady'
import { Stream } from './soak/stream'

/** The same every time: what `npm run soak` finds at another moment is repeated there by its seed. */
const SEED = 20251125
const size = { pods: 6, lanes: 2 }

test('every process is killed under a stream of pods: machines run on, nothing is lost, the end is that of a run in peace', async ({ page, makeTenant }) => {
  test.setTimeout(400_000)
  const [calm, stormy, steady] = [await makeTenant(), await makeTenant(), await makeTenant()]
  const script = makeScript(seededRandom(SEED), size)
  const undisturbed = await runUndisturbed(calm, script)
  const before = await takeBalanceAtRest()
  const keeper = new Stream(steady)
  const pod = await startSteady(steady, keeper, 'steady')
  const exposed = await startExposed(steady, keeper, 'exposed')
  const scribe = await Scribe.start(steady, keeper, 'scribe')
  const watch = new MachineWatch()
  watch.expectSteady(pod.metadata.uid)
  await signInByRequest(page.context(), steady.person)
  await page.goto(`/t/${steady.slug}/pods/default/steady`)
  await expect(page.getByText('Live', { exact: true })).toBeVisible()
  scribe.write()
  try {
    await test.step('kill -9 of web, control, host agent and PostgreSQL', async () => {
      const disturbed = await runDisturbed(stormy, script, plan(seededRandom(SEED + 1), script, killable), { watch, say: (line) => console.log(`  ${line}`) })
      expectSameEnd(undisturbed.end, disturbed.end)
      expectWithinStream(disturbed.pauses, killable)
      // What a client meets says that it may try again.
      expect(disturbed.stream.retries.get('INTERNAL_SERVER_ERROR') ?? 0).toBe(0)
      await expect(page.getByText('Live', { exact: true })).toBeVisible({ timeout: 60_000 })
    })
    await test.step('a host agent that stands still, and meanwhile PostgreSQL without a connection left', () =>
      expectUnknownWhileHostStands(keeper, pod, async () => {
        const release = await takeAllConnections()
        try {
          const failure = await steady.api.pod.list.query({ tenant: steady.slug }).then(() => undefined, (error: unknown) => error)
          expect(codeOf(failure)).toBe('SERVICE_UNAVAILABLE')
          expect(String(failure)).toMatch(/The database does not answer just now, or has no connection left: try again in a moment/)
          const { status } = await page.request.get('/readyz').then((response) => ({ status: response.status() }))
          expect(status).toBe(503)
        } finally {
          await release()
        }
        await untilServerReady()
      }))
    await expectUntouched(keeper, pod)
    await expectServed(exposed)
    watch.release(pod.metadata.uid)
    await test.step('kill -9 of a QEMU', () => killMachine(steady, keeper, pod))
    await test.step('kill -9 of a QEMU under one who writes to a volume', () => killMachine(steady, keeper, scribe.pod))
    expect(await scribe.expectAllThere()).toBeGreaterThan(0)
    await removeExposed(steady, keeper, exposed)
    await deleteAllPods(steady, keeper.retries)
    await expectBalance(before)
  } finally {
    scribe.end()
    watch.end()
    // What was killed last may not be back yet, and the fixture deletes what a try that failed leaves. What that failed on is not to be hidden.
    await untilServerReady().catch(() => {})
  }
})
