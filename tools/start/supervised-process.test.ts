import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { isAlive } from '@/tools/process/liveness.mjs'
import { SupervisedProcess, type Backoff } from '@/tools/start/supervised-process'

const quick: Backoff = { firstMs: 1, maxMs: 4, stableMs: 60_000, tellAfter: 3 }

let folder: string
let lines: string[]
let notices: string[]
const started: SupervisedProcess[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hypernetes-process-'))
  lines = []
  notices = []
})
afterEach(async () => {
  await Promise.all(started.splice(0).map((process) => process.stop()))
  rmSync(folder, { recursive: true, force: true })
})

/** A process that runs `script`, a module, as the supervisor would run web or control. */
function supervise(script: string, { stopTimeoutMs = 10_000, backoff = quick } = {}): SupervisedProcess {
  const file = join(folder, 'process.mjs')
  writeFileSync(file, script)
  const spec = { name: 'sample', command: process.execPath, args: [file], cwd: folder, env: process.env, account: undefined, stopTimeoutMs }
  const supervised = new SupervisedProcess(spec, { onLine: (line) => lines.push(line), onNotice: (text) => notices.push(text) }, backoff)
  started.push(supervised)
  return supervised
}

/** Says that it is up, and is: what is to answer signals stands before it. */
const stays = "console.log('up'); setInterval(() => {}, 1000);"
const seen = (text: string, times = 1) => vi.waitFor(() => expect(lines.filter((line) => line === text).length).toBeGreaterThanOrEqual(times), { timeout: 15_000 })

describe('SupervisedProcess', () => {
  it('starts a process again when it dies, and says so', async () => {
    const supervised = supervise(stays)
    supervised.start()
    await seen('up')
    const first = supervised.pid
    process.kill(first ?? 0, 'SIGKILL')
    await seen('up', 2)
    expect(supervised.pid).not.toBe(first)
    expect(notices[0]).toMatch(/was ended by SIGKILL; it is started again in/)
  })

  it('waits longer after each failure, up to a bound', async () => {
    supervise('console.log("up"); process.exit(3)').start()
    await seen('up', 5)
    const pauses = notices.slice(0, 4).map((notice) => /ended with exit code 3; it is started again in ([\d.]+) s/.exec(notice)?.[1])
    expect(pauses).toEqual(['0.001', '0.002', '0.004', '0.004'])
  })

  it('tells what a process last said that ends again and again, and what to do', async () => {
    supervise('console.error("Error: the port is taken\\n    at somewhere\\n  code: 1"); process.exit(3)').start()
    await vi.waitFor(() => expect(notices.length).toBeGreaterThanOrEqual(3), { timeout: 15_000 })
    expect(notices[1]).not.toMatch(/in a row/)
    expect(notices[2]).toMatch(/^ended with exit code 3; it is started again in 0\.004 s\. It has ended 3 times in a row, this time after [\d.]+ s\. It last said: Error: the port is taken\. Look at its lines above, and run npm run doctor/)
  })

  it('says why a process cannot be started', async () => {
    const spec = { name: 'sample', command: join(folder, 'nothing'), args: [], cwd: folder, env: process.env, account: undefined, stopTimeoutMs: 1000 }
    const supervised = new SupervisedProcess(spec, { onLine: () => {}, onNotice: (text) => notices.push(text) }, quick)
    started.push(supervised)
    supervised.start()
    await vi.waitFor(() => expect(notices[0]).toMatch(/cannot be started: .*ENOENT/), { timeout: 20_000 })
  })

  it('lets a process finish its work before stop resolves, and does not start it again', async () => {
    const done = join(folder, 'done')
    const supervised = supervise(`import { writeFileSync } from 'node:fs'; process.on('SIGTERM', () => setImmediate(() => { writeFileSync(${JSON.stringify(done)}, 'yes'); process.exit(0) })); ${stays}`)
    supervised.start()
    await seen('up')
    const { pid } = supervised
    await supervised.stop()
    expect(readFileSync(done, 'utf8')).toBe('yes')
    expect(isAlive(pid ?? 0)).toBe(false)
    expect(supervised.pid).toBeUndefined()
    supervised.start()
    expect(supervised.pid).toBeUndefined()
  })

  it('kills a process that ignores SIGTERM', async () => {
    const supervised = supervise(`process.on('SIGTERM', () => {}); ${stays}`, { stopTimeoutMs: 100 })
    supervised.start()
    await seen('up')
    const { pid } = supervised
    await supervised.stop()
    expect(isAlive(pid ?? 0)).toBe(false)
    expect(notices.at(-1)).toMatch(/is killed/)
  })

  it('stops a process that waits for its next start', async () => {
    const supervised = supervise('process.exit(1)', { backoff: { firstMs: 600_000, maxMs: 600_000, stableMs: 60_000, tellAfter: 3 } })
    supervised.start()
    await vi.waitFor(() => expect(notices.length).toBe(1), { timeout: 15_000 })
    await supervised.stop()
    expect(supervised.pid).toBeUndefined()
  })

  it('replaces a process at once, by the signal given', async () => {
    const supervised = supervise(`process.on('SIGUSR2', () => { console.log('left'); process.exit(0) }); ${stays}`, { backoff: { firstMs: 600_000, maxMs: 600_000, stableMs: 0, tellAfter: 3 } })
    supervised.start()
    await seen('up')
    supervised.replace('SIGUSR2')
    await seen('up', 2)
    expect(lines).toContain('left')
    expect(notices).toEqual([])
  })
})
