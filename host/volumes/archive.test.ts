import { createHash, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { archivesIn } from './archive'
import { MemoryStore } from './testing/memory-store'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'archives-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const bytes = Buffer.from('an archive')
const upload = { kind: 'upload' as const, uploadId: randomUUID(), format: 'raw' as const, virtualBytes: bytes.length, bytes: bytes.length, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` }
const never = new AbortController().signal

it('fetches one archive at a time, and none of which its volume is not wanted any more', async () => {
  const fetched: (() => void)[] = []
  const make = await archivesIn(folder, async (_id, take) => {
    await new Promise<void>((resolve) => fetched.push(resolve))
    await take(bytes)
  })
  const store = new MemoryStore()
  const giveUp = new AbortController()
  const of = (signal: AbortSignal) => make(store, { uid: randomUUID(), tenantId: 'a', sizeBytes: 1024 }, upload, { progress: () => {}, signal, onWait: () => {} })
  const [first, second, third] = [of(never), of(giveUp.signal), of(never)]
  while (fetched.length < 1) await new Promise(setImmediate)
  giveUp.abort(new Error('not wanted any more'))
  await expect(second).rejects.toThrow('not wanted any more')
  expect(fetched).toHaveLength(1)
  fetched[0]?.()
  await first
  while (fetched.length < 2) await new Promise(setImmediate)
  fetched[1]?.()
  await third
  expect(store.calls.filter((call) => call.startsWith('import '))).toHaveLength(2)
})

it('lets each tenant in turn, and says of which others come first', async () => {
  const make = await archivesIn(folder, async (_id, take) => take(bytes))
  const store = new MemoryStore()
  const waits: string[] = []
  const of = (uid: string) => make(store, { uid, tenantId: uid.slice(0, 1), sizeBytes: 1024 }, upload, { progress: () => {}, signal: never, onWait: (is) => void waits.push(`${uid} ${is ? 'waits' : 'begins'}`) })
  let goOn = (): void => {}
  store.holds.set('import', new Promise<void>((resolve) => (goOn = resolve)))
  const all = ['a1', 'a2', 'a3', 'b1'].map(of)
  expect(waits).toEqual(['a2 waits', 'a3 waits', 'b1 waits'])
  goOn()
  await Promise.all(all)
  expect(store.calls).toEqual(['a1', 'b1', 'a2', 'a3'].map((uid) => `import ${uid}`))
  expect(waits.slice(3)).toEqual(['b1', 'a2', 'a3'].map((uid) => `${uid} begins`))
})

it('begins with no archive for which the host has no room', async () => {
  const make = await archivesIn(folder, () => Promise.reject(new Error('it was fetched')))
  await expect(make(new MemoryStore(), { uid: 'v', tenantId: 'a', sizeBytes: 1024 }, { ...upload, bytes: 2 ** 52 }, { progress: () => {}, signal: never, onWait: () => {} })).rejects.toMatchObject({ code: 'NoSpace', message: expect.stringContaining('no room for the archive of 4503599627370496 bytes') as string })
})
