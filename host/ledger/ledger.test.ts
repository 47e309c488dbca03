import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { newRecord } from '@/host/pods/container-record'
import { testAssignment } from '@/host/pods/testing/assignment'
import type { LedgerEntry } from './entry'
import { Ledger } from './ledger'

let folder: string
const errors: unknown[] = []
let recoveries = 0
const open = (retryAfterMs = 5) => Ledger.open(folder, { failed: (_uid, error) => errors.push(error), recovered: () => (recoveries += 1) }, retryAfterMs)

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-'))
  errors.length = 0
  recoveries = 0
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function entry(stage: LedgerEntry['stage'] = 'up'): LedgerEntry {
  const assignment = testAssignment()
  return { version: 1, assignment, vmUid: 7, stage, vm: { pid: 1 }, images: [], containers: assignment.spec.containers.map(newRecord), conditions: [], startMode: null, startSteps: [], startedAt: null, vmBackoffMs: 0, acceptedAt: 5, acceptedSteady: { machineBoot: 'boot', ms: 3 }, failure: null }
}

describe('the ledger', () => {
  it('gives back what was saved, with the mode of a secret', async () => {
    const one = entry()
    const ledger = await open()
    await ledger.save(one)
    expect((await (await open()).load()).entries).toEqual([one])
    expect((await stat(join(folder, `${one.assignment.uid}.json`))).mode & 0o777).toBe(0o600)
  })

  it('keeps the newest of many writes at once', async () => {
    const one = entry('idle')
    const ledger = await open()
    await Promise.all(Array.from({ length: 50 }, (_, i) => ledger.save({ ...one, vmUid: i + 1 })))
    expect((await ledger.load()).entries[0]?.vmUid).toBe(50)
  })

  it('removes an entry for good, also with a write under way', async () => {
    const one = entry()
    const ledger = await open()
    void ledger.save(one)
    await ledger.remove(one.assignment.uid)
    expect(await readdir(folder)).toEqual([])
  })

  it('does not bring an entry back that is removed while a write of it fails', async () => {
    const one = entry()
    const file = join(folder, `${one.assignment.uid}.json`)
    const ledger = await open(1)
    // Nothing can be renamed over a folder.
    await mkdir(file)
    const failing = ledger.save(one)
    await new Promise(setImmediate)
    await Promise.all([failing, ledger.remove(one.assignment.uid)])
    await new Promise((resolve) => setTimeout(resolve, 20))
    await ledger.settled()
    expect(await readdir(folder)).toEqual([])
  })

  it('survives a crash between write and rename, at any byte of the write', async () => {
    const [old, next] = [entry(), entry()]
    const ledger = await open()
    await ledger.save(old)
    const text = JSON.stringify(next)
    for (const length of [0, 1, Math.floor(text.length / 2), text.length]) await writeFile(join(folder, `${old.assignment.uid}.json.${length}.tmp`), text.slice(0, length))
    expect((await (await open()).load()).entries).toEqual([old])
    expect(await readdir(folder)).toEqual([`${old.assignment.uid}.json`])
  })

  const [damaged, newer] = ['it is damaged', 'a newer version of the host agent has written it']
  it.each([['', damaged], ['{', damaged], ['null', damaged], ['[]', damaged], ['\0\0\0\0', damaged], ['{"version":2}', newer], ['{"version":1,"assignment":{}}', damaged]])('puts a file with %j aside, says that %s, and goes on', async (content, cause) => {
    const good = entry()
    const ledger = await open()
    await ledger.save(good)
    const name = '00000000-0000-4000-8000-000000000000.json'
    await writeFile(join(folder, name), content)
    const podUid = name.slice(0, 36)
    expect(await (await open()).load()).toEqual({ entries: [good], broken: [{ podUid, file: `${name}.broken`, cause }] })
    expect(await readFile(join(folder, `${name}.broken`), 'utf8')).toBe(content)
    await ledger.remove(podUid)
    expect(await readdir(folder)).toEqual([`${good.assignment.uid}.json`])
  })

  it('keeps a VM whose description cannot be read', async () => {
    const one = entry()
    const [container] = one.containers
    const ledger = await open()
    await writeFile(join(folder, `${one.assignment.uid}.json`), JSON.stringify({ ...one, containers: [{ ...container, status: { ...container?.status, message: 'x'.repeat(5_000), startedAt: 'never' } }], startSteps: 'none', startMode: 'odd' }))
    expect(await ledger.load()).toEqual({ entries: [{ ...one, containers: [], startSteps: [], startMode: null }], broken: [] })
  })

  it('puts what is no file, or as large as no entry, aside without reading it', async () => {
    const good = entry()
    await (await open()).save(good)
    const [folderUid, largeUid] = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002']
    await mkdir(join(folder, `${folderUid}.json`))
    await writeFile(join(folder, `${largeUid}.json`), '')
    await truncate(join(folder, `${largeUid}.json`), 1 << 30)
    const { entries, broken } = await (await open()).load()
    expect(entries).toEqual([good])
    expect(broken.map(({ podUid, cause }) => [podUid, cause]).sort()).toEqual([[folderUid, 'it is no file'], [largeUid, 'it is larger than any entry']])
  })

  it('tells a write that failed, leaves no half file, and writes the newest entry by itself once it can', async () => {
    const [one, other] = [entry(), entry()]
    const ledger = await open()
    await rm(folder, { recursive: true })
    await ledger.save(one)
    await ledger.save({ ...one, vmUid: 9 })
    await ledger.save(other)
    // And what was tried again meanwhile.
    expect(errors.length).toBeGreaterThanOrEqual(3)
    expect(recoveries).toBe(0)
    await mkdir(folder)
    await expect.poll(() => recoveries).toBe(1)
    expect((await (await open()).load()).entries.map((e) => [e.assignment.uid, e.vmUid]).sort()).toEqual([[one.assignment.uid, 9], [other.assignment.uid, 7]].sort())
  })

  it('tries what could not be written no more once its pod is removed, or the agent ends', async () => {
    const [one, other] = [entry(), entry()]
    const ledger = await open(200)
    await rm(folder, { recursive: true })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      await Promise.all([ledger.save(one), ledger.save(other)])
      await mkdir(folder)
      await ledger.remove(one.assignment.uid)
      await ledger.close()
      vi.advanceTimersByTime(250)
      await ledger.settled()
      expect(await readdir(folder)).toEqual([])
    } finally {
      vi.useRealTimers()
    }
  })
})
