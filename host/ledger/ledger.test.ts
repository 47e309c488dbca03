import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newRecord } from '@/host/pods/container-record'
import { testAssignment } from '@/host/pods/testing/assignment'
import type { LedgerEntry } from './entry'
import { Ledger } from './ledger'

let folder: string
const errors: unknown[] = []
const open = () => Ledger.open(folder, (error) => errors.push(error))

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-'))
  errors.length = 0
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function entry(stage: LedgerEntry['stage'] = 'up'): LedgerEntry {
  const assignment = testAssignment()
  return { version: 1, assignment, vmUid: 7, stage, vm: { pid: 1 }, images: [], containers: assignment.spec.containers.map(newRecord), conditions: [], startMode: null, startSteps: [], startedAt: null, vmBackoffMs: 0, acceptedAt: 5, failure: null }
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

  it('survives a crash between write and rename, at any byte of the write', async () => {
    const [old, next] = [entry(), entry()]
    const ledger = await open()
    await ledger.save(old)
    const text = JSON.stringify(next)
    for (const length of [0, 1, Math.floor(text.length / 2), text.length]) await writeFile(join(folder, `${old.assignment.uid}.json.${length}.tmp`), text.slice(0, length))
    expect((await (await open()).load()).entries).toEqual([old])
    expect(await readdir(folder)).toEqual([`${old.assignment.uid}.json`])
  })

  it.each(['', '{', 'null', '[]', '{"version":2}', '{"version":1,"assignment":{}}'])('puts a file with %j aside and goes on', async (content) => {
    const good = entry()
    const ledger = await open()
    await ledger.save(good)
    const name = '00000000-0000-4000-8000-000000000000.json'
    await writeFile(join(folder, name), content)
    expect(await (await open()).load()).toEqual({ entries: [good], broken: [`${name}.broken`] })
    expect(await readFile(join(folder, `${name}.broken`), 'utf8')).toBe(content)
  })

  it('keeps a VM whose description cannot be read', async () => {
    const one = entry()
    const [container] = one.containers
    const ledger = await open()
    await writeFile(join(folder, `${one.assignment.uid}.json`), JSON.stringify({ ...one, containers: [{ ...container, status: { ...container?.status, message: 'x'.repeat(5_000), startedAt: 'never' } }], startSteps: 'none', startMode: 'odd' }))
    expect(await ledger.load()).toEqual({ entries: [{ ...one, containers: [], startSteps: [], startMode: null }], broken: [] })
  })

  it('tells a write that failed, and writes the next one', async () => {
    const one = entry()
    const ledger = await open()
    await rm(folder, { recursive: true })
    await ledger.save(one)
    expect(errors).toHaveLength(1)
    await (await open()).save(one)
    expect((await (await open()).load()).entries).toEqual([one])
  })
})
