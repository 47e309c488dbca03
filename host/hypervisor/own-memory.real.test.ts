import { access, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { GuestClient } from '@/host/guest/client'
import { CopyError, copyTemplateMemory } from './own-memory'
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

const pages = async (pid: number) => Object.fromEntries([...(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')).matchAll(/^(\w+): +(\d+) kB$/gm)].map(([, name = '', kB]) => [name, Number(kB)]))

test('a VM with memory of its own goes on where its template stopped, maps nothing of it, and has large pages where the kernel gives them', async () => {
  const clone = (await startVm(host.settings, templates, await host.request(1))).vm
  const started = await startVm(host.settings, templates, await host.request(2, { ownMemory: true }))
  expect([started.mode, started.coldBecause]).toEqual(['template', null])
  const copy = started.vm
  const client = await GuestClient.connect(copy.agentSocket)
  client.close()
  const [of, ofClone] = [await readFile(`/proc/${copy.pid}/maps`, 'utf8'), await readFile(`/proc/${clone.pid}/maps`, 'utf8')]
  expect([of.includes('/memfd:'), ofClone.includes('/memfd:')]).toEqual([false, true])
  const [has, cloneHas] = [await pages(copy.pid), await pages(clone.pid)]
  const large = await readFile('/sys/kernel/mm/transparent_hugepage/enabled', 'utf8').catch(() => '[never]')
  if (!large.includes('[never]')) expect(has.AnonHugePages).toBeGreaterThan((cloneHas.AnonHugePages ?? 0) + 32 * 1024)
  // What it holds is charged to its own group, not to whoever copied it.
  const [folder] = copy.record.cgroups
  const charged = folder && (await readFile(join(folder, 'memory.current'), 'utf8').catch(() => readFile(join(folder, 'memory.usage_in_bytes'), 'utf8')).catch(() => null))
  if (charged) expect(Number(charged)).toBeGreaterThan(32 * 2 ** 20)
  // Under the number of one that has ended: nothing is written into what runs under it now.
  const [{ process: running }, empty] = [copy.record, join(host.folder, 'empty')]
  await writeFile(empty, '')
  await expect(copyTemplateMemory({ ...running, startTicks: String(Number(running.startTicks) - 1) }, 128, empty, AbortSignal.timeout(30_000))).rejects.toThrow('is another one by now')
  await copyTemplateMemory(running, 128, empty, AbortSignal.timeout(30_000))
  await Promise.all([clone.quit(), copy.quit()])
  expect(await host.processes()).toEqual([])
})

test('where the memory cannot be copied the VM boots cold and says why, and the template stays as it is', async () => {
  const lease = await templates.acquire(await host.request(3))
  vi.spyOn(templates, 'acquire').mockResolvedValueOnce({ ...lease, memory: join(host.folder, 'missing') })
  const started = await startVm(host.settings, templates, await host.request(3, { ownMemory: true }))
  expect(started.mode).toBe('cold')
  expect(started.coldBecause).toMatch(/^the VM was not given its memory: .*No such file/)
  await started.vm.quit()
  await access(lease.state)
  const again = await startVm(host.settings, templates, await host.request(3, { ownMemory: true }))
  expect(again.vm.record.copy).toBe(lease.copy)
  await again.vm.quit()
})

test('a process that has ended, and one that is no VM, are told', async () => {
  await expect(copyTemplateMemory({ pid: process.pid, startTicks: '1', bootId: '' }, 3, '/dev/null', AbortSignal.timeout(5000))).rejects.toThrow(CopyError)
  await expect(copyTemplateMemory({ pid: 2 ** 22 - 1, startTicks: '1', bootId: '' }, 128, '/dev/null', AbortSignal.timeout(5000))).rejects.toThrow(/ENOENT|mappings/)
})
