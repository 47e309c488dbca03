import { readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { vmLimits, type VmLimits } from '@/host/cgroups/limits'
import { serialOf } from '@/host/volumes/open-image'
import { run } from '@/platform/exec'
import { fileBytesOf, maxFileBytes } from './file-size-limit'
import { maxScratchBytes } from './hypervisor-settings'
import { continues, descriptors, type BootMode } from './machine'
import { isRunning, processesOf } from './process-identity'
import { groupName, stderrFile, vmFolder } from './start-qemu'
import { startVm } from './start-vm'
import { TemplateStore } from './templates/template-store'
import { namespaceKinds, viewProcess, type ProcessView } from './testing/process-view'
import { TestHypervisor } from './testing/test-hypervisor'

let host: TestHypervisor
let templates: TemplateStore
let maker: { view: ProcessView; runDir: string } | undefined

beforeAll(async () => {
  host = await TestHypervisor.create()
  // The template's VM is looked at while it boots.
  const waitForHello = async (socket: string, signal: AbortSignal) => {
    await host.settings.waitForHello(socket, signal)
    const [identity] = await processesOf(host.settings.serviceUid)
    if (identity) maker = { view: await viewProcess(identity.pid), runDir: join(socket, '../..') }
  }
  templates = new TemplateStore({ dir: join(host.folder, 'templates'), settings: { ...host.settings, waitForHello }, sharing: 'tenant-copy' })
  await templates.open()
})

afterAll(async () => {
  await host.killAll()
  await templates.close({ dropAll: true })
  await host.remove()
})

const none = '0000000000000000'

/** What QEMU was given, by the kind of its boot: nothing else of the host may be open. It moves its disks to other numbers, and closes what it has read. */
const given = (boot: BootMode, runDir: string): RegExp[] => [
  /^\/dev\/null$/,
  /^\/dev\/net\/tun$/,
  new RegExp(`^${stderrFile(runDir)}$`),
  /\/image(-placeholder|\.squashfs)$/,
  new RegExp(`^${runDir}/scratch(-placeholder)?$`),
  continues(boot) ? /\/boot-stub$/ : /\/(vmlinuz|kernel|initramfs)[^/]*$/,
  ...(boot === 'template' ? [new RegExp(`^${runDir}/memory$`)] : []),
  ...(boot === 'clone' ? [/^\/memfd:/] : []),
  ...(continues(boot) ? [/\/state$/] : []),
]

/** What QEMU may open beside: its own sockets and events, and once more the files that it was given. */
const ownKinds = /^(socket:\[\d+\]|pipe:\[\d+\]|anon_inode:\[?(eventfd|eventpoll|signalfd|kvm-vm|kvm-vcpu:\d+)\]?|\/dev\/(urandom|kvm))$/

function expectSealed(boot: BootMode, view: ProcessView, uid: number, runDir: string, agent: ProcessView): void {
  for (const thread of view.threads) {
    expect(thread).toMatchObject({ Uid: Array(4).fill(uid).join('\t'), Gid: Array(4).fill(uid).join('\t'), Groups: '', CapInh: none, CapPrm: none, CapEff: none, CapBnd: none, CapAmb: none, NoNewPrivs: '1', Seccomp: '2' })
  }
  // The first process of its pid namespace, of which the host sees it by another number.
  expect(view.threads.some(({ NSpid }) => /^\d+\t1$/.test(NSpid))).toBe(true)
  for (const kind of namespaceKinds) expect(view.namespaces[kind], kind).not.toBe(agent.namespaces[kind])
  expect(view.root).toEqual(['bin', 'dev', 'etc', 'lib', 'lib64', 'proc', 'sbin', 'usr', 'vm'])
  expect(view.devices).toEqual(['null', 'urandom'])
  expect([view.coreLimit, view.dumped]).toEqual(['0 0', '00000000'])
  // Its scratch disk's size; how far the agent may raise it for a volume is what QEMU itself is refused (system-calls.ts, escape.real.test.ts).
  expect(view.fileSizeLimit).toBe(`${boot === 'template' ? maxScratchBytes : host.settings.scratchBytes} ${maxFileBytes}`)
  const paths = [...view.descriptors.values()]
  const expected = given(boot, runDir)
  expect(paths.filter((path) => ![...expected, ownKinds].some((kind) => kind.test(path)))).toEqual([])
  for (const kind of expected.slice(0, 5)) expect(paths.some((path) => kind.test(path)), String(kind)).toBe(true)
  expect([0, 1, 2, descriptors.tap].map((fd) => view.descriptors.get(fd))).toEqual(['/dev/null', '/dev/null', stderrFile(runDir), '/dev/net/tun'])
}

/** The group with its limits, as the kernel has them. */
async function expectLimited(view: ProcessView, runDir: string, holeBytes: number): Promise<void> {
  const { support } = host.settings.cgroups
  const folders = host.settings.cgroups.folders(groupName(runDir))
  const limits = vmLimits({ accelerator: host.settings.accelerator, vcpus: 1, memoryMiB: 128 }, holeBytes)
  const read = async (file: string) => (await Promise.all(folders.map((folder) => readFile(join(folder, file), 'utf8').catch(() => '')))).join('').trim()
  const [memory, shares] = support.version === 2 ? [await read('memory.max'), await read('cpu.weight')] : [await read('memory.limit_in_bytes'), await read('cpu.shares')]
  if (!support.missing.includes('memory')) expect(Number(memory)).toBe(Math.floor(limits.memoryBytes / 4096) * 4096)
  if (!support.missing.includes('pids')) expect(await read('pids.max')).toBe('129')
  if (!support.missing.includes('cpu')) expect(shares).toBe(support.version === 2 ? '100' : '1024')
  for (const controller of ['memory', 'pids', 'cpu'] as const) {
    if (support.missing.includes(controller)) continue
    const line = support.version === 2 ? /^0::.*$/m : new RegExp(`^\\d+:([a-z,]*,)?${controller}(,[a-z,]*)?:.*$`, 'm')
    expect(line.exec(view.cgroups)?.[0]).toMatch(new RegExp(`/${groupName(runDir)}$`))
  }
}

/** Every process of this machine that has a file open, by its pid. */
async function processesWith(path: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const open = async (pid: string) => Promise.all((await readdir(`/proc/${pid}/fd`).catch(() => [])).map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')))
  const found = await Promise.all(pids.map(async (pid) => ((await open(pid)).includes(path) ? Number(pid) : [])))
  return found.flat()
}

test('whatever boots it, each QEMU is behind every wall, and no two share one', async () => {
  const agent = await viewProcess(process.pid)
  const [one, two, three] = await Promise.all([host.request(1), host.request(2), host.request(3, { ownMemory: true })])
  const lease = await templates.acquire({ ...one, signal: new AbortController().signal })
  const { size, blocks } = await stat(lease.memory)
  const clone = await startVm(host.settings, templates, one)
  const cold = await startVm(host.settings, new TemplateStore({ dir: join(host.folder, 'cold'), settings: host.settings, sharing: 'cold' }), two)
  const copy = await startVm(host.settings, templates, three)
  expect([clone.coldBecause, clone.mode, copy.coldBecause, copy.mode, cold.mode]).toEqual([null, 'template', null, 'template', 'cold'])
  const views = { clone: await viewProcess(clone.vm.pid), copy: await viewProcess(copy.vm.pid), cold: await viewProcess(cold.vm.pid) }

  if (!maker) throw new Error('no template was made')
  expectSealed('template', maker.view, host.settings.serviceUid, maker.runDir, agent)
  expectSealed('clone', views.clone, one.uid, one.runDir, agent)
  expectSealed('copy', views.copy, three.uid, three.runDir, agent)
  expectSealed('cold', views.cold, two.uid, two.runDir, agent)
  // Of those that run at once: the kernel gives a namespace's number out again.
  for (const kind of namespaceKinds) expect(views.clone.namespaces[kind], kind).not.toBe(views.cold.namespaces[kind])
  await expectLimited(views.clone, one.runDir, size - blocks * 512)
  await expectLimited(views.copy, three.runDir, 0)
  await expectLimited(views.cold, two.runDir, 0)
  expect(await readdir(vmFolder(one.runDir))).toEqual(expect.arrayContaining(['agent.sock', 'files.sock', 'qmp.sock']))

  // A volume adds its own file to what is open, and how far a file may be written: nothing else.
  const volume = { id: 'top', path: join(host.folder, 'volume.qcow2'), readOnly: false }
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', volume.path, '1G'])
  const serial = serialOf('3f2b8c1e-9a4d-4c57-8e21-6b0d5f7a9c13')
  await clone.vm.volumes.plug({ serial, layers: [volume], sizeBytes: 2 ** 30, readOnly: false, direct: false, onFull: 'pause', rates: { iops: null, iopsBurst: null, bytesPerSecond: null, bytesPerSecondBurst: null, burstSeconds: 60 } })
  const plugged = await viewProcess(clone.vm.pid)
  expect(plugged.fileSizeLimit).toBe(`${fileBytesOf(2 ** 30)} ${maxFileBytes}`)
  // Whatever is in it, its own guest's kernel alone reads it: nothing else of the host has it open.
  expect(await processesWith(volume.path)).toEqual([clone.vm.pid])
  const others = [...plugged.descriptors].filter(([, path]) => path !== volume.path)
  expect(others.length).toBeLessThan(plugged.descriptors.size)
  expectSealed('clone', { ...plugged, descriptors: new Map(others), fileSizeLimit: views.clone.fileSizeLimit }, one.uid, one.runDir, agent)

  await Promise.all([clone.vm.kill(), copy.vm.kill(), cold.vm.quit()])
  await lease.release()
  for (const { runDir } of [one, two, maker]) for (const folder of host.settings.cgroups.folders(groupName(runDir))) await expect(readdir(folder)).rejects.toThrow('ENOENT')
  expect(await host.processes()).toEqual([])
})

test('a VM goes on when the shell above it is killed, and its end is told by its monitor', async () => {
  const request = await host.request(4)
  const { vm } = await startVm(host.settings, new TemplateStore({ dir: join(host.folder, 'cold'), settings: host.settings, sharing: 'cold' }), request)
  let over = false
  void vm.exited.then(() => (over = true))
  const parentOf = async (pid: number) => Number(/^PPid:\t(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1])
  const shell = await parentOf(vm.pid)
  expect(await readFile(`/proc/${shell}/comm`, 'utf8')).toBe('sh\n')
  process.kill(shell, 'SIGKILL')
  await vi.waitFor(async () => expect(await parentOf(vm.pid)).not.toBe(shell), { timeout: 60_000 })
  // Longer than an unwanted QEMU is given.
  await delay(6000)
  expect([over, await isRunning(vm.record.process)]).toEqual([false, true])
  expect(await vm.console()).toBeTypeOf('string')
  expect(await vm.quit()).toEqual({ cause: 'the host stopped it', code: null, signal: null })
})

test('a VM whose folder cannot be made leaves no group', async () => {
  const request = await host.request(5)
  await writeFile(join(host.folder, 'file'), '')
  const runDir = join(host.folder, 'file', 'vm5')
  await expect(startVm(host.settings, new TemplateStore({ dir: join(host.folder, 'cold'), settings: host.settings, sharing: 'cold' }), { ...request, runDir })).rejects.toThrow('ENOTDIR')
  for (const folder of host.settings.cgroups.folders(groupName(runDir))) await expect(readdir(folder)).rejects.toThrow('ENOENT')
})

test('a VM that the kernel killed at its limit of memory says so, and its group is gone', async ({ skip }) => {
  const { cgroups } = host.settings
  if (cgroups.support.missing.includes('memory')) skip()
  const narrow = { ...cgroups, make: (name: string, limits: VmLimits) => cgroups.make(name, { ...limits, memoryBytes: 80 * 2 ** 20 }) }
  const request = await host.request(3)
  const { vm } = await startVm({ ...host.settings, cgroups: narrow }, new TemplateStore({ dir: join(host.folder, 'cold'), settings: host.settings, sharing: 'cold' }), request)
  expect((await vm.exited).cause).toMatch(/^it took more memory than its limit of 80 MiB on the host/)
  for (const folder of cgroups.folders(groupName(request.runDir))) await expect(readdir(folder)).rejects.toThrow('ENOENT')
})
