import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { GuestClient } from '@/host/guest/client'
import { setupRequest } from '@/host/guest/testing/requests'
import { adoptVm } from './adopt-vm'
import { VmRecord } from './vm-record'
import { startVm } from './start-vm'
import { TemplateStore } from './templates/template-store'
import { makeImage, sha256, TestHypervisor } from './testing/test-hypervisor'

let host: TestHypervisor
let templates: TemplateStore

const store = () => new TemplateStore({ dir: join(host.folder, 'templates'), settings: host.settings, sharing: 'tenant-copy' })

beforeAll(async () => {
  host = await TestHypervisor.create()
  templates = store()
  await templates.open()
})

afterAll(async () => {
  await host.killAll()
  await templates.close({ dropAll: true })
  await host.remove()
})

async function answer(socket: string): Promise<string> {
  const client = await GuestClient.connect(socket)
  try {
    await client.ping()
    return client.hello.kernel
  } finally {
    client.close()
  }
}

/** Makes a VM a pod's and tells the size of its scratch disk's file system. */
async function scratchBytesOf(socket: string): Promise<number> {
  const client = await GuestClient.connect(socket)
  try {
    await client.setup(setupRequest({ network: null }))
    return (await client.stats()).scratch?.totalBytes ?? 0
  } finally {
    client.close()
  }
}

test('VMs start from a template, are sealed, take disks, are found again and leave nothing behind', async () => {
  const wide = await host.request(2)
  await host.scratch.create(wide.scratchFile, 48 * 2 ** 30)
  const [first, second] = await Promise.all([startVm(host.settings, templates, await host.request(1)), startVm(host.settings, templates, wide)])
  expect([first.coldBecause, second.coldBecause]).toEqual([null, null])
  expect([first.mode, second.mode]).toEqual(['template', 'template'])

  const lease = await templates.acquire({ tenantId: 'tenant', vcpus: 1, memoryMiB: 128, signal: new AbortController().signal })
  const before = await sha256(lease.memory)
  expect(await answer(first.vm.agentSocket)).toMatch(/^\d/)
  expect(await answer(second.vm.agentSocket)).toMatch(/^\d/)

  const status = await readFile(`/proc/${first.vm.pid}/status`, 'utf8')
  const field = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1]
  expect(Object.fromEntries(['Uid', 'Gid', 'CapEff', 'CapPrm', 'CapBnd', 'NoNewPrivs', 'Seccomp'].map((name) => [name, field(name)]))).toEqual({
    Uid: String(first.vm.record.uid),
    Gid: String(first.vm.record.uid),
    CapEff: '0000000000000000',
    CapPrm: '0000000000000000',
    CapBnd: '0000000000000000',
    NoNewPrivs: '1',
    Seccomp: '2',
  })
  expect((await readdir(`/proc/${first.vm.pid}/root`)).sort()).toEqual(['bin', 'dev', 'etc', 'lib', 'lib64', 'proc', 'sbin', 'usr', 'vm'])
  expect((await readdir(`/proc/${first.vm.pid}/root/dev`)).sort()).toEqual(['null', 'urandom'])
  const namespaces = await Promise.all(['net', 'mnt', 'ipc', 'uts'].map(async (kind) => (await readlink(`/proc/${first.vm.pid}/ns/${kind}`)) === (await readlink(`/proc/self/ns/${kind}`))))
  expect(namespaces).toEqual([false, false, false, false])

  const other = await makeImage(host.folder, 'other', 'another image')
  await first.vm.plugDisk({ serial: 'image1', file: other })
  const client = await GuestClient.connect(first.vm.agentSocket)
  await vi.waitFor(() => client.addImage({ serial: 'image1', key: 'image1' }), { timeout: 60_000 })
  client.close()
  await expect(first.vm.plugDisk({ serial: '../x', file: other })).rejects.toThrow('is no serial')

  // Each has a scratch disk of its own size, also one larger than others of its template.
  const [usual, larger] = await Promise.all([scratchBytesOf(first.vm.agentSocket), scratchBytesOf(second.vm.agentSocket)])
  expect(usual).toBeGreaterThan(0.9 * host.settings.scratchBytes)
  expect(usual).toBeLessThan(host.settings.scratchBytes)
  expect(larger).toBeGreaterThan(46 * 2 ** 30)
  expect((await second.vm.kill()).cause).toBe('the host killed it')

  // As a restart of the agent does it: only the record is left.
  first.vm.detach()
  const restarted = store()
  await restarted.open()
  const record = VmRecord.parse(JSON.parse(JSON.stringify(first.vm.record)))
  const adopted = await adoptVm(record, restarted)
  if (!adopted) throw new Error('the VM was not found again')
  expect(await answer(adopted.agentSocket)).toMatch(/^\d/)
  expect(await sha256(lease.memory)).toBe(before)
  process.kill(adopted.pid, 'SIGKILL')
  await adopted.exited
  expect(await adoptVm(record, restarted)).toBeNull()

  expect(await host.processes()).toEqual([])
  expect(await readdir(first.vm.record.runDir)).toEqual(['scratch'])
})
