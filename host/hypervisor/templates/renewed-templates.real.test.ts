import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { withoutCgroups } from '@/host/cgroups/port'
import { defaultMaxImageBytes, type HypervisorSettings } from '../hypervisor-settings'
import { CopyRecord } from './copies'
import type { MakePristine } from './make-pristine'
import * as sealedMemory from './sealed-memory'
import { TemplateStore, type TemplateSharing } from './template-store'

vi.mock('./sealed-memory', async (original) => {
  const real = await original<typeof sealedMemory>()
  return { ...real, memoryDigest: vi.fn(real.memoryDigest) }
})

const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
let folder: string
let made = 0
let making: () => Promise<void>
let stores: TemplateStore[]
const settings = (version: string): HypervisorSettings => ({
  qemu: { binary: 'qemu', version: '1', machine: 'pc' },
  guest: { kernel: '', initramfs: '', version, arguments: [] },
  accelerator: { kind: 'tcg', cpu: 'max', tbSizeMiB: 32 },
  ...{ scratchBytes: 1, maxImageBytes: defaultMaxImageBytes, serviceUid: 1, kvmNode: null, cgroups: withoutCgroups('not needed'), waitForHello: async () => {} },
})

/** Files as a VM leaves them, each time others, without the seconds of a boot; what becomes of them is all real. */
const make: MakePristine = async (_settings, { memoryMiB }, target) => {
  await making()
  made += 1
  await mkdir(target, { recursive: true })
  const memory = await open(join(target, 'memory'), 'w', 0o600)
  await memory.truncate(memoryMiB * 2 ** 20)
  await memory.write(Buffer.alloc(3 << 20, made), 0, 3 << 20, 5 << 20)
  await memory.close()
  await writeFile(join(target, 'state'), `state ${made}`)
  await writeFile(join(target, 'boot-stub'), 'stub')
}

const store = async (of: HypervisorSettings, sharing: TemplateSharing = 'tenant-copy') => {
  const opened = new TemplateStore({ dir: folder, settings: of, sharing, log, make })
  await opened.open()
  stores.push(opened)
  return opened
}
const request = (tenantId = 'one', memoryMiB = 16) => ({ tenantId, vcpus: 1, memoryMiB, signal: new AbortController().signal })
const firstByte = async (path: string) => {
  const file = await open(path)
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, 5 << 20)
  await file.close()
  return buffer[0]
}

/** The next memory is hashed once the returned function is called, or that fails with the error. A start may be slower than the comparison. */
function holdNextDigest(): (error?: Error) => void {
  const { memoryDigest } = sealedMemory
  let go: (error?: Error) => void = () => {}
  const held = new Promise<void>((resolve, reject) => (go = (error) => (error ? reject(error) : resolve())))
  vi.mocked(memoryDigest).mockImplementationOnce(async (path) => {
    await held
    return memoryDigest(path)
  })
  return go
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'templates-'))
  made = 0
  making = async () => {}
  stores = []
  vi.clearAllMocks()
})
afterEach(async () => {
  await Promise.all(stores.map((one) => one.close({ dropAll: true })))
  await rm(folder, { recursive: true, force: true })
})

test('a new template is made beside the old one, which serves until then and stays as long as a VM runs from it', async () => {
  const templates = await store(settings('a'))
  const old = await templates.acquire(request())
  const begun = new Promise<() => void>((resolve) => (making = () => new Promise((finish) => resolve(finish))))
  const renewing = templates.renew(request())
  // No start waits for it.
  const meanwhile = await templates.acquire(request('two'))
  expect(await firstByte(meanwhile.memory)).toBe(1)
  const finish = await begun
  expect(templates.guestsInMaking()).toContain('a')
  finish()
  await renewing
  expect(templates.guestsInMaking()).toEqual([])
  const next = await templates.acquire(request())
  expect([await firstByte(old.memory), await firstByte(next.memory)]).toEqual([1, 2])
  expect(next.copy).not.toBe(old.copy)
  expect(await readdir(join(folder, 'pristine'))).toHaveLength(2)
  await Promise.all([old.release(), meanwhile.release()])
  await expect(firstByte(old.memory)).rejects.toThrow()
  expect(await readdir(join(folder, 'pristine'))).toHaveLength(1)
  await next.release()
})

test('one that cannot be made leaves the old one in service', async () => {
  const templates = await store(settings('a'))
  await (await templates.acquire(request())).release()
  making = async () => Promise.reject(new Error('no memory left'))
  await expect(templates.renew(request())).rejects.toThrow('no memory left')
  const lease = await templates.acquire(request())
  expect(await firstByte(lease.memory)).toBe(1)
  await lease.release()
  expect(await readdir(join(folder, 'pristine'))).toHaveLength(1)
})

test('another guest image makes templates outdated: they serve until there are others, and tell which image they are of', async () => {
  const host = settings('a')
  const templates = await store(host)
  const before = await templates.acquire(request())
  expect(templates.inService().map((one) => one.outdated)).toEqual([false])
  host.guest = { ...host.guest, version: 'b' }
  expect(templates.inService().map((one) => one.outdated)).toEqual([true])
  const between = await templates.acquire(request('two'))
  await templates.renew(request())
  const after = await templates.acquire(request())
  expect([before, between, after].map((lease) => lease.guestVersion)).toEqual(['a', 'a', 'b'])
  await Promise.all([before, between, after].map((lease) => lease.release()))
})

test('a template whose memory was altered is found where it is copied, before anything of a tenant runs from it; another is made', async () => {
  const templates = await store(settings('a'))
  const good = await templates.acquire(request())
  await good.intact()
  const [key] = await readdir(join(folder, 'pristine'))
  const file = await open(join(folder, 'pristine', key ?? '', 'memory'), 'r+')
  await file.write(Buffer.from('X'), 0, 1, 6 << 20)
  await file.close()
  const compare = holdNextDigest()
  const bad = await templates.acquire(request('two'))
  compare()
  await expect(bad.intact()).rejects.toThrow("the template's memory was not as it had been made; another is made")
  await bad.release()
  expect(await templates.adopt(bad.copy)).toBeNull()
  expect(log.error).toHaveBeenCalledExactlyOnceWith({ template: key, altered: expect.stringContaining('memory') }, expect.stringContaining('it is thrown away and made anew'))
  const next = await templates.acquire(request('two'))
  await next.intact()
  expect([await firstByte(next.memory), made]).toEqual([2, 2])
  await Promise.all([good.release(), next.release()])
})

test('a copy that could not be compared is dropped alone: the template serves on', async () => {
  const templates = await store(settings('a'))
  const good = await templates.acquire(request())
  await good.intact()
  const fail = holdNextDigest()
  const unread = await templates.acquire(request('two'))
  fail(new Error('perl: Cannot allocate memory'))
  await expect(unread.intact()).rejects.toThrow("a copy of the template's memory could not be compared with what was made: perl: Cannot allocate memory")
  // As the start does that could not use it.
  await unread.discard()
  expect(await templates.adopt(unread.copy)).toBeNull()
  const next = await templates.acquire(request('two'))
  await next.intact()
  expect([await firstByte(next.memory), made, log.error.mock.calls]).toEqual([1, 1, []])
  await Promise.all([good.release(), next.release()])
  vi.mocked(sealedMemory.memoryDigest).mockRejectedValue(new Error('never'))
  await expect(templates.acquire(request('three'))).rejects.toThrow('no copy of the template of 16 MiB could be compared')
  vi.mocked(sealedMemory.memoryDigest).mockReset()
})

test('a copy that an agent was killed over before it was compared is compared by the next one', async () => {
  const templates = await store(settings('a'))
  const lease = await templates.acquire(request())
  await lease.intact()
  const file = join(folder, 'copies', `${lease.copy}.json`)
  const record = CopyRecord.parse(JSON.parse(await readFile(file, 'utf8')))
  expect(record.compared).toBe(true)
  // Whatever it was copied from: not what was made.
  await writeFile(file, JSON.stringify({ ...record, compared: undefined, pristine: { ...record.pristine, digests: { ...record.pristine.digests, memory: '0'.repeat(64) } } }))
  const next = await store(settings('a'))
  await vi.waitFor(async () => expect(await next.adopt(lease.copy)).toBeNull(), { timeout: 60_000 })
  await vi.waitFor(() => expect(log.error).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ altered: expect.stringContaining('memory') }), expect.stringContaining('thrown away')), { timeout: 60_000 })
})

test('a template that is being copied for a start stays until it is, though another was made meanwhile', async () => {
  const templates = await store(settings('a'))
  await (await templates.acquire(request())).release()
  await templates.dropIdle(0)
  const copies = templates['copies']
  const real = copies.make.bind(copies)
  let go = () => {}
  const held = new Promise<void>((resolve) => (go = resolve))
  const copying = vi.spyOn(copies, 'make').mockImplementationOnce(async (...args) => {
    await held
    return real(...args)
  })
  const starting = templates.acquire(request('two'))
  await vi.waitFor(() => expect(copying).toHaveBeenCalled(), { timeout: 60_000 })
  await templates.renew(request())
  expect(await readdir(join(folder, 'pristine'))).toHaveLength(2)
  go()
  await (await starting).release()
  expect(await readdir(join(folder, 'pristine'))).toHaveLength(1)
})

test.each(['state', 'boot-stub'])('a template whose %s was altered is never used again: it is told and made anew', async (name) => {
  const templates = await store(settings('a'))
  await (await templates.acquire(request())).release()
  const [key] = await readdir(join(folder, 'pristine'))
  const file = await open(join(folder, 'pristine', key ?? '', name), 'r+')
  await file.write(Buffer.from('X'), 0, 1, 2)
  await file.close()
  const lease = await templates.acquire(request('two'))
  expect(await firstByte(lease.memory)).toBe(2)
  expect(made).toBe(2)
  expect(log.error).toHaveBeenCalledExactlyOnceWith({ template: key, altered: expect.stringContaining(name) }, 'a template is not as it was made: it is thrown away and made anew; look for a failing disk, or for who writes there')
  await lease.release()
  expect(await readdir(join(folder, 'pristine'))).toHaveLength(1)
})

test('a machine on which every template is altered says where to look instead of trying for ever', async () => {
  const templates = await store(settings('a'))
  const renew = templates['pristine'].renew.bind(templates['pristine'])
  vi.spyOn(templates['pristine'], 'renew').mockImplementation(async (...size) => {
    const pristine = await renew(...size)
    await writeFile(pristine.state, 'rot')
    return pristine
  })
  await expect(templates.acquire(request())).rejects.toThrow(`the template of 16 MiB was not as it had been made 3 times: look for a failing disk or memory under ${folder}`)
})

test('a copy whose memory changed in spite of its seals is found and not used any more', async () => {
  const templates = await store(settings('a'))
  const [good, bad] = [await templates.acquire(request('one')), await templates.acquire(request('two'))]
  const copy = templates['copies'].get(bad.copy)
  // As a chip would do it: nobody else can.
  if (copy) copy.pristine = { ...copy.pristine, digests: { ...copy.pristine.digests, memory: '0'.repeat(64) } }
  await templates.check()
  expect([await templates.adopt(good.copy), await templates.adopt(bad.copy)]).toEqual([expect.objectContaining({ copy: good.copy }), null])
  expect(log.error).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ copy: bad.copy }), expect.stringMatching(/not as it was made.*started anew.*bad memory/))
})

test("two tenants' pods never start from one template unless that is the setting", async () => {
  for (const [sharing, shared] of [['tenant-copy', false], ['shared', true]] as const) {
    const templates = await store(settings(sharing), sharing)
    const [one, two] = await Promise.all([templates.acquire(request('one')), templates.acquire(request('two'))])
    expect([one.copy === two.copy, one.memory === two.memory]).toEqual([shared, shared])
    await templates.close({ dropAll: true })
  }
})

test('copies without a pod are let go in the end, and templates of an earlier run are found by what they are', async () => {
  const templates = await store(settings('a'))
  const lease = await templates.acquire(request())
  await lease.release()
  await templates.dropIdle(Infinity, 60_000)
  expect(await firstByte(lease.memory)).toBe(1)
  await templates.dropIdle(Infinity, 0)
  await expect(firstByte(lease.memory)).rejects.toThrow()
  const again = await store(settings('a'))
  await (await again.acquire(request())).release()
  expect(made).toBe(1)
  const other = await store(settings('b'))
  expect(other.inService()).toEqual([])
  expect(await readdir(join(folder, 'pristine'))).toEqual([])
})
