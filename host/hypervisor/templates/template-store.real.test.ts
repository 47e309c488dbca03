import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sha256, TestHypervisor } from '../testing/test-hypervisor'
import { TemplateStore, type TemplateSharing } from './template-store'

let host: TestHypervisor
let boots = 0

const open = async (sharing: TemplateSharing, maxIdleCopies: number) => {
  const waitForHello = (socket: string, signal: AbortSignal) => {
    boots += 1
    return host.settings.waitForHello(socket, signal)
  }
  const store = new TemplateStore({ dir: join(host.folder, 'templates'), settings: { ...host.settings, waitForHello }, sharing, maxIdleCopies })
  await store.open()
  return store
}

const request = (tenantId: string) => ({ tenantId, vcpus: 1, memoryMiB: 128, signal: new AbortController().signal })

beforeAll(async () => {
  host = await TestHypervisor.create()
})

afterAll(async () => {
  await host.killAll()
  await (await open('tenant-copy', 0)).close({ dropAll: true })
  await host.remove()
})

test('one boot serves all who ask, each tenant has a copy, and copies go with their last pod', async () => {
  // What a crash in the middle and an older kernel leave.
  const folder = join(host.folder, 'templates/pristine')
  await mkdir(join(folder, 'draft-crashed'), { recursive: true })
  await mkdir(join(folder, '0123456789abcdef-1-128'))
  await writeFile(join(folder, '0123456789abcdef-1-128/ready'), '0123456789abcdef-1-128')

  const store = await open('tenant-copy', 0)
  expect(await readdir(folder)).toEqual([])
  const leases = await Promise.all(['one', 'one', 'two'].map((tenant) => store.acquire(request(tenant))))
  const [a, b, c] = leases
  expect(boots).toBe(1)
  expect(a?.copy).toBe(b?.copy)
  expect(a?.copy).not.toBe(c?.copy)
  expect(a?.memory).not.toBe(c?.memory)
  expect(await sha256(a?.memory ?? '')).toBe(await sha256(c?.memory ?? ''))
  expect(await readdir(folder)).toHaveLength(1)

  await a?.release()
  await a?.release()
  expect(await readdir(join(host.folder, 'templates/copies'))).toHaveLength(2)
  await Promise.all([b?.release(), c?.release()])
  expect(await readdir(join(host.folder, 'templates/copies'))).toEqual([])
  await expect(sha256(b?.memory ?? '')).rejects.toThrow()
})

test('the latest idle copy is kept, and one with a VM outlives the agent', async () => {
  const store = await open('tenant-copy', 1)
  const [one, two] = [await store.acquire(request('one')), await store.acquire(request('two'))]
  await one.release()
  await two.release()
  expect(await store.adopt(one.copy)).toBeNull()
  // As for a VM that runs on while the agent is away.
  expect((await store.adopt(two.copy))?.copy).toBe(two.copy)
  await store.close()
  const next = await open('tenant-copy', 0)
  const again = await next.adopt(two.copy)
  expect(again?.memory).toBe(two.memory)
  await again?.release()
  expect(await readdir(join(host.folder, 'templates/copies'))).toEqual([])
  expect(boots).toBe(1)
})

test('tenants share one copy where that is the setting, and none is made where it is cold', async () => {
  const shared = await open('shared', 0)
  const [one, two] = await Promise.all([shared.acquire(request('one')), shared.acquire(request('two'))])
  expect(one.copy).toBe(two.copy)
  await Promise.all([one.release(), two.release()])
  await expect((await open('cold', 0)).acquire(request('one'))).rejects.toThrow('switched off')
  expect(boots).toBe(1)
})

test('who does not wait any longer is let go, and the others get their template', async () => {
  const store = await open('tenant-copy', 0)
  const abort = new AbortController()
  const size = { ...request('one'), memoryMiB: 160 }
  const [waiting, leaving] = [store.acquire(size), store.acquire({ ...size, signal: abort.signal })]
  leaving.catch(() => {})
  abort.abort(new Error('no longer wanted'))
  await expect(leaving).rejects.toThrow('no longer wanted')
  await (await waiting).release()
})
