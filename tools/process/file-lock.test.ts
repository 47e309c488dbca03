import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'

/** Takes the lock again and again; tells how often it had it, how often somebody was in it already, and what failed otherwise. */
const taker = `
const { workerData, parentPort } = require('node:worker_threads')
import(workerData.module).then(({ takeLock, LockHeldError }) => {
  const inside = new Int32Array(workerData.inside)
  const told = { taken: 0, met: 0, failed: [] }
  for (let i = 0; i < 300; i += 1) {
    try {
      const release = takeLock(workerData.path)
      if (Atomics.add(inside, 0, 1) !== 0) told.met += 1
      Atomics.sub(inside, 0, 1)
      told.taken += 1
      release()
    } catch (error) {
      if (!(error instanceof LockHeldError)) told.failed.push(error.message)
    }
  }
  parentPort.postMessage(told)
})`

it('one thread at a time has the lock, whichever thread of a process asks', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'file-lock-'))
  try {
    const workerData = { module: new URL('./file-lock.mjs', import.meta.url).href, path: join(folder, 'lock'), inside: new SharedArrayBuffer(4) }
    const told = await Promise.all(
      Array.from({ length: 3 }, () => new Promise<unknown>((resolve, reject) => new Worker(taker, { eval: true, workerData }).once('message', resolve).once('error', reject))),
    )
    expect(told).toEqual(told.map(() => ({ taken: expect.any(Number) as number, met: 0, failed: [] })))
    expect(readdirSync(folder)).toEqual([])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
