import { copyFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { GuestClient } from '@/host/guest/client'
import { run } from '@/platform/exec'
import { removeVm } from './adopt-vm'
import { startVm } from './start-vm'
import { TemplateStore } from './templates/template-store'
import { TestHypervisor } from './testing/test-hypervisor'

let host: TestHypervisor
let templates: TemplateStore

beforeAll(async () => {
  host = await TestHypervisor.create()
  templates = new TemplateStore({ dir: join(host.folder, 'templates'), settings: host.settings, sharing: 'tenant-copy' })
  await templates.open()
})

afterAll(async () => {
  await host.killAll()
  await templates.close({ dropAll: true })
  await host.remove()
})

test('a template that does not load is replaced, and its pod boots cold meanwhile', async () => {
  // As it was made, and yet QEMU cannot take it up: what was altered since is noticed before a VM is started.
  const lease = await templates.acquire(await host.request(1))
  const state = join(host.folder, 'cut-state')
  await copyFile(lease.state, state)
  await truncate(state, 1000)
  vi.spyOn(templates, 'acquire').mockResolvedValueOnce({ ...lease, state })
  const started = await startVm(host.settings, templates, await host.request(1))
  expect(started.mode).toBe('cold')
  expect(started.coldBecause).not.toBeNull()
  const client = await GuestClient.connect(started.vm.agentSocket)
  client.close()
  expect((await started.vm.quit()).cause).toBe('the host stopped it')
  const next = await startVm(host.settings, templates, await host.request(2))
  expect([next.mode, next.coldBecause]).toEqual(['template', null])
  await next.vm.quit()
  expect(await host.processes()).toEqual([])
})

test('a VM goes on from the lease that it is given and takes no other, and gives it back as it ends or where it does not start', async () => {
  const lent = async (n: number) => {
    const request = await host.request(n)
    const lease = await templates.acquire(request)
    return { ...request, lease: { ...lease, release: vi.fn(() => lease.release()) } }
  }
  const [request, unwanted] = [await lent(7), await lent(8)]
  const acquire = vi.spyOn(templates, 'acquire').mockClear()
  const started = await startVm(host.settings, templates, request)
  expect([started.mode, acquire.mock.calls.length, request.lease.release.mock.calls.length]).toEqual(['template', 0, 0])
  await started.vm.quit()
  expect(request.lease.release).toHaveBeenCalledOnce()
  await expect(startVm(host.settings, templates, { ...unwanted, signal: AbortSignal.abort(new Error('not wanted any more')) })).rejects.toThrow('not wanted any more')
  expect([acquire.mock.calls.length, unwanted.lease.release.mock.calls.length]).toEqual([0, 1])
  acquire.mockRestore()
})

test('a guest that says no hello is told as the reason, and is not waited for again', async () => {
  let boots = 0
  const waitForHello = async () => {
    boots += 1
    throw new Error('the agent is silent')
  }
  const silent = new TemplateStore({ dir: join(host.folder, 'silent'), settings: { ...host.settings, waitForHello }, sharing: 'shared' })
  await silent.open()
  for (let i = 0; i < 2; i += 1) await expect(silent.acquire(await host.request(3))).rejects.toThrow('the agent is silent')
  expect(boots).toBe(1)
  expect(await host.processes()).toEqual([])
})

test('where no VM can be made, the words of QEMU or the kernel are told and nothing is left', async () => {
  const cold = new TemplateStore({ dir: join(host.folder, 'cold'), settings: host.settings, sharing: 'cold' })
  await expect(startVm(host.settings, cold, await host.request(4, { mac: 'nonsense' }))).rejects.toThrow(/mac.*nonsense/)
  await expect(startVm(host.settings, cold, await host.request(4, { network: { namespace: 'hypernetes-missing', tap: 'tap0' } }))).rejects.toThrow(/hypernetes-missing: No such file/)
  await expect(startVm(host.settings, cold, await host.request(4, { imageFile: join(host.folder, 'missing') }))).rejects.toThrow('ENOENT')
  await expect(startVm(host.settings, cold, await host.request(4, { runDir: join(host.folder, 'x'.repeat(100)) }))).rejects.toThrow('too long for a socket')
  expect(await host.processes()).toEqual([])
})

test('a start that is aborted leaves nothing', async () => {
  const abort = new AbortController()
  const starting = startVm(host.settings, templates, await host.request(5, { memoryMiB: 192, signal: abort.signal }))
  abort.abort(new Error('not wanted any more'))
  await expect(starting).rejects.toThrow('not wanted any more')
  await templates.close()
  expect(await host.processes()).toEqual([])
})

test('a VM is in its network namespace with its tap, tells why its guest ended, and is removed without a record', async () => {
  const cold = new TemplateStore({ dir: join(host.folder, 'cold'), settings: host.settings, sharing: 'cold' })
  const namespace = `hvtest-${process.pid}`
  await run('ip', ['netns', 'add', namespace])
  try {
    await run('ip', ['-n', namespace, 'tuntap', 'add', 'pod0', 'mode', 'tap', 'vnet_hdr'])
    const request = await host.request(6, { network: { namespace, tap: 'pod0' } })
    const { vm } = await startVm(host.settings, cold, request)
    const { stdout } = await run('ip', ['-n', namespace, '-o', 'link', 'show', 'pod0'])
    expect(stdout).toContain('pod0')
    expect((await run('ip', ['netns', 'identify', String(vm.pid)])).stdout.trim()).toBe(namespace)
    const client = await GuestClient.connect(vm.agentSocket)
    client.close()
    expect(await vm.console()).toBeTypeOf('string')
    await removeVm({ uid: request.uid, runDir: request.runDir })
    expect((await vm.exited).cause).toBe('QEMU was killed by SIGKILL')
    await removeVm({ uid: request.uid, runDir: request.runDir })
  } finally {
    await run('ip', ['netns', 'del', namespace])
  }
  expect(await host.processes()).toEqual([])
})
