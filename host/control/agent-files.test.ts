import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lockFolder, readHostTag, writeState } from './agent-files'
import { machineFacts, reservedMiB } from './machine-facts'

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'agent-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('the files of an agent', () => {
  it('have a tag that stays', async () => {
    const tag = await readHostTag(folder)
    expect(tag).toMatch(/^[a-z0-9]{5}$/)
    expect(await readHostTag(folder)).toBe(tag)
  })

  it('are used by one agent at a time', async () => {
    const lock = await lockFolder(folder, 0)
    await expect(lockFolder(folder, 0)).rejects.toThrow('stop it first')
    const waiting = lockFolder(folder, 10_000)
    await new Promise((resolve) => lock.close(resolve))
    const next = await waiting
    next.close()
  })

  it('tell the state whole', async () => {
    await writeState(folder, { ready: true })
    expect(JSON.parse(await readFile(join(folder, 'state.json'), 'utf8'))).toEqual({ ready: true })
  })
})

describe('the machine', () => {
  it('keeps memory for itself', async () => {
    expect([1024, 4096, 65536].map(reservedMiB)).toEqual([512, 768, 6554])
    const facts = await machineFacts(folder)
    expect(facts.cpus).toBeGreaterThan(0)
    expect(facts.memoryMiB).toBeGreaterThan(0)
    expect(facts.diskFreeMiB).toBeGreaterThan(0)
  })
})
