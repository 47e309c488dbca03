import { expect, it } from 'vitest'
import { execute, suite } from './outcome.mjs'

it('a program has ended when it ended, also where a process that it left holds its output open', async () => {
  const leaves = "const left = require('node:child_process').spawn('sleep', ['600'], { stdio: 'inherit', detached: true }); left.unref(); console.log(left.pid)"
  for (const code of [0, 3]) {
    const { ok, output } = await execute([process.execPath, '-e', `${leaves}; process.exitCode = ${code}`], { capture: true, lastWordsMs: 200 })
    process.kill(Number(/^\d+/.exec(output)?.[0]), 'SIGKILL')
    expect([ok, output]).toEqual([code === 0, expect.stringContaining('left a process that holds its output open')])
  }
})

it('what it says last is read, and one that takes too long is ended', async () => {
  expect(await execute([process.execPath, '-e', "process.stdout.write('x'.repeat(200_000))"], { capture: true })).toEqual({ ok: true, output: 'x'.repeat(200_000) })
  expect(await execute(['sleep', '600'], { capture: true, limitMs: 100 })).toMatchObject({ ok: false, output: expect.stringContaining('ended after 0.1 s') as string })
})

it('a few tests may pass when they are repeated, and are named; more of them are a failure', async () => {
  const counts = (unsteady: number) => suite('unsteady ones', [process.execPath, '-e', `require('node:fs').writeFileSync(process.env.HYPERNETES_COUNTS, JSON.stringify({ passed: 9, failed: 0, skipped: 0, failures: [], unsteady: Array(${unsteady}).fill('x') }))`])
  expect(await counts(3)).toMatchObject({ passed: 9, failed: 0, unsteady: ['x', 'x', 'x'] })
  expect(await counts(4)).toMatchObject({ failed: 1, failures: ['4 tests failed and passed when they were repeated, where 3 may'] })
  expect(await suite('none of it', [process.execPath, '-e', '0'])).toMatchObject({ failed: 1 })
})
