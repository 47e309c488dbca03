import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VolumeLedger, type VolumeEntry } from './volumes'

const uid = '00000000-0000-4000-8000-000000000001'
const podUid = '00000000-0000-4000-8000-0000000000b1'
const entry: VolumeEntry = { version: 1, kind: 'volume', uid, epoch: 3, object: null, holds: [{ podUid, name: 'data', readOnly: false, epoch: 3 }], made: true, formatted: 'ext4', reverted: null, fenced: { epoch: 3, clients: ['10.0.0.1:0/7'] }, goneAt: null }
const errors: unknown[] = []
const log = { error: (fields: unknown) => void errors.push(fields) }

describe('what is written down of volumes', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'volume-ledger-'))
    errors.length = 0
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('is there for the next agent, for root alone, and what is removed is not', async () => {
    const ledger = await VolumeLedger.open(folder, log)
    await ledger.save(entry)
    await ledger.save({ version: 1, kind: 'snapshot', uid, consistency: 'CrashConsistent', stallMs: 4, takenAt: '2026-01-01T00:00:00.000Z' })
    await ledger.save({ version: 1, kind: 'store', uid, object: { kind: 'store', uid, name: 'local', store: { type: 'file', folder: null, shared: false } } })
    expect((await stat(join(folder, `volume-${uid}.json`))).mode & 0o777).toBe(0o600)
    const next = await VolumeLedger.open(folder, log)
    expect([next.volumes(), next.volume(uid), next.snapshot(uid)?.stallMs, next.stores().length]).toEqual([[entry], entry, 4, 1])
    await next.remove({ kind: 'snapshot', uid })
    await next.remove({ kind: 'store', uid })
    expect(await readdir(folder)).toEqual([`volume-${uid}.json`])
    expect((await VolumeLedger.open(folder, log)).snapshot(uid)).toBeNull()
  })

  it('costs one volume where its file cannot be read, and keeps that aside', async () => {
    const ledger = await VolumeLedger.open(folder, log)
    await ledger.save(entry)
    const other = '00000000-0000-4000-8000-000000000002'
    await writeFile(join(folder, `volume-${other}.json`), '{"version":1')
    await writeFile(join(folder, `volume-${uid}.json.1234.tmp`), '{')
    expect((await VolumeLedger.open(folder, log)).volumes()).toEqual([entry])
    expect([errors.length, (await readdir(folder)).sort()]).toEqual([1, [`volume-${uid}.json`, `volume-${other}.json.broken`]])
  })

  it('keeps the number of a volume that is let go for a while', async () => {
    const ledger = await VolumeLedger.open(folder, log)
    await ledger.save({ ...entry, holds: [], goneAt: 1_000 })
    expect((await VolumeLedger.open(folder, log, 2_000)).volume(uid)?.epoch).toBe(3)
    expect((await VolumeLedger.open(folder, log, 1_000 + 31 * 86_400_000)).volume(uid)).toBeNull()
    // Also while an agent runs for long.
    const other = '00000000-0000-4000-8000-000000000002'
    await ledger.save({ ...entry, uid: other, goneAt: 2_000 })
    expect(ledger.volume(uid)?.epoch).toBe(3)
    await ledger.save({ ...entry, uid: other, goneAt: 1_001 + 30 * 86_400_000 })
    expect([ledger.volume(uid), ledger.volume(other)?.epoch, await readdir(folder)]).toEqual([null, 3, [`volume-${other}.json`]])
  })

  it('is not changed by a write that fails, and says so', async () => {
    const ledger = await VolumeLedger.open(folder, log)
    await ledger.save(entry)
    await rm(folder, { recursive: true })
    await expect(ledger.save({ ...entry, epoch: 4 })).rejects.toThrow('ENOENT')
    expect(ledger.volume(uid)?.epoch).toBe(3)
  })
})
