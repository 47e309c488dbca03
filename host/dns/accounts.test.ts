import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { isRoot, jailUid } from '@/host/images/jail/jail'
import { Resolvers } from './resolvers'

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'accounts-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

it.runIf(isRoot)('the account of a resolver that an earlier agent left is given to no other jail', async () => {
  const networkId = randomUUID()
  const next = jailUid() + 1
  await mkdir(join(folder, networkId))
  await writeFile(join(folder, networkId, 'state.json'), JSON.stringify({ version: 1, uid: next, names: null, records: null, aliases: null }))
  const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  const resolvers = await Resolvers.open({ folder, upstream: ['192.0.2.53'], log }, [{ uid: randomUUID(), networkId, namespace: 'none' }], [])
  expect([jailUid(), jailUid()]).toEqual([next + 1, next + 2])
  await resolvers.close()
})
