import { expect, it } from 'vitest'
import { execute } from './outcome.mjs'

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
