import { constants } from 'node:fs'
import { access, chmod, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { volumeBytes } from '@/host/cgroups/limits'
import { opensDirect } from '@/host/volumes/file/direct'
import { serialOf } from '@/host/volumes/open-image'
import type { Layer } from '@/host/volumes/store'
import { run } from '@/platform/exec'
import { anewOnRetry } from '@/tools/testing/anew'
import { adoptVm } from './adopt-vm'
import { fileBytesOf, fileSizeLimitOf, maxFileBytes } from './file-size-limit'
import { giveFiles } from './give-files'
import { openForWriting } from './open-for-writing'
import { QmpClient } from './qmp'
import { replayFile } from './replay-file'
import type { RunningVm } from './running-vm'
import { startVm } from './start-vm'
import { TemplateStore } from './templates/template-store'
import { GuestShell, shellGuest } from './testing/shell-guest'
import { sha256, TestHypervisor } from './testing/test-hypervisor'
import { StillWritten, type VolumeDisk, type VolumeFault } from './volume-disks'
import { VmRecord } from './vm-record'

const MiB = 2 ** 20
const patience = { timeout: 60_000 }
const rates = { iops: null, iopsBurst: null, bytesPerSecond: null, bytesPerSecondBurst: null, burstSeconds: 60 }
const [a, b, reader, full, kept] = ['a', 'b', 'c', 'd', 'e'].map((digit) => serialOf(`${digit.repeat(8)}-0000-4000-8000-000000000000`)) as [string, string, string, string, string]

let host: TestHypervisor
let templates: TemplateStore
let vm: RunningVm
let guest: GuestShell
let folder: string
/** Whether the file system of this test lets files be opened past the host's cache. */
let direct: boolean

const up = async () => {
  host = await TestHypervisor.create()
  folder = join(host.folder, 'volumes')
  await mkdir(folder, { mode: 0o700 })
  direct = await opensDirect(host.image)
  const settings = { ...host.settings, guest: await shellGuest(host.settings.guest, host.folder) }
  templates = new TemplateStore({ dir: join(host.folder, 'cold'), settings, sharing: 'cold' })
  vm = (await startVm(settings, templates, await host.request(1))).vm
  guest = await GuestShell.connect(vm.agentSocket)
  await guest.out('true')
}

const down = async () => {
  guest?.close()
  await host.killAll()
  await run('umount', [join(folder, 'full')]).catch(() => {})
  await host.remove()
}

beforeAll(up)
anewOnRetry(down, up)
afterAll(down)

/** An empty layer, root's alone. Its tables are there, so that a file is as large as what was written furthest. */
async function layer(id: string, bytes: number, path = join(folder, `${id}.qcow2`), preallocation = 'metadata'): Promise<Layer> {
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', `preallocation=${preallocation}`, path, String(bytes)])
  await chmod(path, 0o600)
  return { id, path, readOnly: false }
}

const disk = (serial: string, layers: Layer[], sizeBytes: number, more: Partial<Omit<VolumeDisk, 'layers' | 'ceph'>> = {}): VolumeDisk => ({ serial, layers, sizeBytes, readOnly: false, direct, rates, onFull: 'pause', ...more })

/** The first bytes of a layer, whoever has it open. */
async function head(file: Layer): Promise<string> {
  const target = join(host.folder, 'head')
  await run('qemu-img', ['dd', '-U', '-f', 'qcow2', '-O', 'raw', 'bs=512', 'count=1', `if=${file.path}`, `of=${target}`])
  return (await readFile(target, 'latin1')).replace(/[^0-9].*$/s, '')
}

/** How much memory the VM's group may have; null where the machine cannot bound it. */
async function memoryLimit(): Promise<number | null> {
  const files = vm.record.cgroups.flatMap((group) => [join(group, 'memory.max'), join(group, 'memory.limit_in_bytes')])
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')))
  return Number(texts.join('')) || null
}

/** Whether all by which QEMU can write a file goes past the host's cache. */
async function isPastCache(path: string): Promise<boolean> {
  const { stdout } = await run('sh', ['-c', 'for fd in /proc/"$1"/fd/*; do [ "$(readlink "$fd")" = "$2" ] && grep flags "/proc/$1/fdinfo/${fd##*/}"; done; true', 'sh', String(vm.pid), path])
  const written = [...stdout.matchAll(/[0-7]+$/gm)].map(([flags]) => parseInt(flags, 8)).filter((flags) => (flags & constants.O_RDWR) !== 0)
  return written.length > 0 && written.every((flags) => (flags & constants.O_DIRECT) !== 0)
}

/** Which files QEMU has open at all. */
const opened = async (path: string) => (await run('sh', ['-c', 'ls -l "/proc/$1/fd"', 'sh', String(vm.pid)])).stdout.includes(path)

test('a volume is seen by its serial, written beyond the scratch disk’s size, grown and bounded while it is written, taken away', async () => {
  const base = await layer('base-a', 1024 * MiB)
  const memory = await memoryLimit()
  expect(await fileSizeLimitOf(vm.pid)).toEqual({ soft: host.settings.scratchBytes, hard: maxFileBytes })
  await vm.volumes.plug(disk(a, [base], 1024 * MiB))
  expect((await fileSizeLimitOf(vm.pid)).soft).toBe(fileBytesOf(1024 * MiB))
  expect(await memoryLimit()).toBe(memory === null ? null : memory + volumeBytes)
  expect(await isPastCache(base.path)).toBe(direct)
  const device = await guest.out(`A=$(await ${a}); echo $A`)
  expect(device).toMatch(/^\/dev\/vd[a-z]$/)
  await guest.out('dd if=/bin/busybox of=$A bs=1M seek=900 count=1 conv=notrunc,fsync 2>/dev/null; dd if=$A bs=1M skip=900 count=1 iflag=direct 2>/dev/null | cmp - /bin/busybox -n 1048576')
  await expect(vm.volumes.plug(disk(a, [base], 1024 * MiB))).rejects.toThrow('is plugged in already')
  const done = (await vm.volumes.counters()).get(a)
  expect(done?.writtenBytes).toBeGreaterThanOrEqual(MiB)
  expect([done && done.readOperations > 0, done && done.writeOperations > 0, done && done.readBytes >= MiB, done && done.writeMicroseconds > 0]).toEqual([true, true, true, true])
  // The image is locked against every other opener.
  await expect(run('qemu-io', ['-f', 'qcow2', '-c', 'write 0 512', base.path])).rejects.toThrow('lock')

  await guest.out('(i=0; while [ ! -e /stop ]; do dd if=/bin/busybox of=$A bs=64k count=1 seek=$i conv=notrunc oflag=direct 2>/dev/null || echo failed >>/failed; i=$((i + 1)); echo $i >/rounds; done; touch /stopped) >/dev/null 2>&1 &')
  await guest.out('while [ ! -e /rounds ]; do sleep 0.05; done')
  await vm.volumes.grow(a, 2048 * MiB)
  expect((await fileSizeLimitOf(vm.pid)).soft).toBe(fileBytesOf(2048 * MiB))
  await guest.out(`while [ "$(cat /sys/block/\${A#/dev/}/size)" != ${2048 * 2048} ]; do sleep 0.05; done; before=$(cat /rounds); while [ "$(cat /rounds)" = "$before" ]; do sleep 0.05; done; touch /stop; while [ ! -e /stopped ]; do sleep 0.05; done; [ ! -e /failed ]`)
  await guest.out('dd if=/bin/busybox of=$A bs=1M seek=2000 count=1 conv=notrunc,fsync 2>/dev/null')
  await expect(vm.volumes.grow(a, 1024 * MiB)).rejects.toThrow('does not shrink')

  // 16 MiB at 64 KiB a second would take four minutes; what waits when the bound is lifted waits out its second.
  await vm.volumes.limit(a, { ...rates, bytesPerSecond: 64 * 1024 })
  await guest.out('(dd if=/dev/zero of=$A bs=64k count=256 conv=notrunc oflag=direct 2>/dev/null; touch /written) >/dev/null 2>&1 & sleep 1; [ ! -e /written ]')
  await vm.volumes.limit(a, rates)
  await guest.out('while [ ! -e /written ]; do sleep 0.05; done')

  // 400 requests at 2 a second would take over three minutes; a burst takes them at once, at 4,000 bytes a second as many bytes would take seven minutes.
  const writes = '(rm -f /written; dd if=/dev/zero of=$A bs=4k count=400 conv=notrunc oflag=direct 2>/dev/null; touch /written) >/dev/null 2>&1 &'
  await vm.volumes.limit(a, { ...rates, iops: 2 })
  await guest.out(`${writes} sleep 1; [ ! -e /written ]`)
  await vm.volumes.limit(a, { ...rates, iops: 2, iopsBurst: 4000, burstSeconds: 10 })
  await guest.out('while [ ! -e /written ]; do sleep 0.05; done')
  await vm.volumes.limit(a, { ...rates, bytesPerSecond: 4000 })
  await guest.out(`${writes} sleep 1; [ ! -e /written ]`)
  await vm.volumes.limit(a, { ...rates, bytesPerSecond: 4000, bytesPerSecondBurst: 100 * MiB, burstSeconds: 10 })
  await guest.out('while [ ! -e /written ]; do sleep 0.05; done')
  await vm.volumes.limit(a, rates)

  await vm.volumes.unplug(a, [base.path])
  await guest.out(`while [ -n "$(disk ${a})" ]; do sleep 0.05; done`)
  expect([await vm.volumes.plugged(), await opened(base.path)]).toEqual([[], false])
  await run('qemu-io', ['-f', 'qcow2', '-c', 'write 0 512', base.path])
  await rm(base.path)
})

test('two disks are snapshotted at one instant under a writer, frozen for good, and found again by the next agent', async () => {
  const tops = { a: await layer('top-a', 64 * MiB), b: await layer('top-b', 64 * MiB) }
  await vm.volumes.plug(disk(a, [tops.a], 64 * MiB))
  // By the host's cache, and its overlays past it: a chain may have both.
  await vm.volumes.plug(disk(b, [tops.b], 64 * MiB, { direct: false }))
  await guest.out(`A=$(await ${a}); B=$(await ${b}); rm -f /stop /stopped`)
  // A number is on the second disk only once it is on the first.
  await guest.out('(n=10000000; while [ ! -e /stop ]; do n=$((n + 1)); for d in $A $B; do printf %-512s $n >/number; dd if=/number of=$d bs=512 count=1 conv=notrunc oflag=direct 2>/dev/null || echo failed >>/failed; done; : >/wrote; done; touch /stopped) >/dev/null 2>&1 &')
  const written = () => guest.out('rm -f /wrote; while [ ! -e /wrote ]; do sleep 0.05; done')
  const frozen = [tops]
  for (const round of [1, 2]) {
    const before = frozen.at(-1) ?? tops
    const overlays = { a: await layer(`over-a-${round}`, 64 * MiB, undefined, 'off'), b: await layer(`over-b-${round}`, 64 * MiB, undefined, 'off') }
    // The first of them may have begun before.
    for (const _ of [1, 2]) await written()
    await vm.volumes.snapshot([{ serial: a, top: before.a, overlay: overlays.a, direct }, { serial: b, top: before.b, overlay: overlays.b, direct }])
    expect(await openForWriting(vm.pid, [before.a, before.b, overlays.a, overlays.b].map(({ path }) => path))).toEqual([overlays.a.path, overlays.b.path])
    frozen.push(overlays)
    const [first, second] = [Number(await head(before.a)), Number(await head(before.b))]
    expect(first).toBeGreaterThan(10_000_000)
    expect([0, 1]).toContain(first - second)
  }
  const sums = await Promise.all(frozen.slice(0, 2).flatMap((each) => [sha256(each.a.path), sha256(each.b.path)]))
  await guest.out('touch /stop; while [ ! -e /stopped ]; do sleep 0.05; done; [ ! -e /failed ]; dd if=/bin/busybox of=$A bs=64k count=8 conv=notrunc,fsync 2>/dev/null')
  expect(await Promise.all(frozen.slice(0, 2).flatMap((each) => [sha256(each.a.path), sha256(each.b.path)]))).toEqual(sums)

  // An overlay that is no image: all goes on as before, and of the other one nothing stays open.
  const [good, bad] = [await layer('good', 64 * MiB), { id: 'bad', path: join(folder, 'bad'), readOnly: false }]
  await writeFile(bad.path, 'no image')
  const last = frozen.at(-1) ?? tops
  await expect(vm.volumes.snapshot([{ serial: a, top: last.a, overlay: good, direct }, { serial: b, top: last.b, overlay: bad, direct }])).rejects.toThrow('blockdev-add')
  expect([await opened(good.path), await opened(bad.path)]).toEqual([false, false])

  // The agent died while it took a snapshot of several volumes, before their overlays came into use.
  await vm.volumes.pause()
  const begun = { serial: a, top: last.a, overlay: await layer('begun', 64 * MiB), direct }
  const command = QmpClient.prototype.command
  const dying = vi.spyOn(QmpClient.prototype, 'command').mockImplementation(async function (this: QmpClient, ...args) {
    if (args[0] === 'transaction') vm.detach()
    return command.apply(this, args)
  })
  await expect(vm.volumes.snapshot([begun], true)).rejects.toThrow().finally(() => dying.mockRestore())
  const adopted = await adoptVm(VmRecord.parse(JSON.parse(JSON.stringify(vm.record))), templates)
  if (!adopted) throw new Error('the VM was not found again')
  vm = adopted
  expect(await vm.volumes.isStopped()).toBe(true)
  await vm.volumes.resume()
  expect(await vm.volumes.isStopped()).toBe(false)
  // The next one finds it in the way, and takes it away.
  expect(await opened(begun.overlay.path)).toBe(true)
  await expect(vm.volumes.snapshot([begun])).rejects.toThrow('blockdev-add')
  expect(await opened(begun.overlay.path)).toBe(false)
  const chain = (name: 'a' | 'b') => frozen.map((each) => each[name].id).reverse()
  expect((await vm.volumes.plugged()).sort((x, y) => x.serial.localeCompare(y.serial))).toEqual([
    { serial: a, sizeBytes: 64 * MiB, readOnly: false, layers: chain('a'), device: true },
    { serial: b, sizeBytes: 64 * MiB, readOnly: false, layers: chain('b'), device: true },
  ])
  await vm.volumes.unplug(a, [last.a.path])
  await vm.volumes.unplug(b, [last.b.path])
  expect([await vm.volumes.plugged(), await openForWriting(vm.pid, frozen.flatMap((each) => [each.a.path, each.b.path]))]).toEqual([[], []])

  // A whole chain is opened by its order alone: no header of it names another file.
  const layers = frozen.map(({ a }, i) => ({ ...a, readOnly: i < frozen.length - 1 })).reverse()
  await vm.volumes.plug(disk(a, layers, 64 * MiB))
  await guest.out(`A=$(await ${a}); dd if=$A bs=64k count=8 iflag=direct 2>/dev/null | cmp - /bin/busybox -n 524288`)
  await vm.volumes.unplug(a, layers.map(({ path }) => path))
})

test('a volume for reading is opened for writing nowhere, one that cannot be opened leaves nothing, SCSI disks go as they came', async () => {
  const base = await layer('read', 16 * MiB)
  await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 0x41 0 512', base.path])
  await vm.volumes.plug(disk(reader, [base], 16 * MiB, { readOnly: true }))
  expect(await guest.out(`C=$(await ${reader}); head -c 4 $C; cat /sys/block/\${C#/dev/}/ro`)).toBe('AAAA1')
  expect((await guest.run('dd if=/bin/busybox of=$C bs=512 count=1 conv=notrunc oflag=direct')).code).not.toBe(0)
  expect([await openForWriting(vm.pid, [base.path]), await vm.volumes.plugged()]).toEqual([[], [{ serial: reader, sizeBytes: 16 * MiB, readOnly: true, layers: ['read'], device: true }]])

  const bad = { id: 'bad', path: join(folder, 'bad'), readOnly: false }
  await writeFile(bad.path, 'no image')
  await expect(vm.volumes.plug(disk(b, [bad], 16 * MiB))).rejects.toThrow('Image is not in qcow2 format')
  await expect(vm.volumes.plug(disk(b, [{ ...bad, path: join(folder, 'missing') }], 16 * MiB))).rejects.toThrow('No such file')
  await expect(vm.volumes.plug(disk('../x', [base], 16 * MiB))).rejects.toThrow('is no serial')
  await expect(vm.volumes.plug(disk(b, [], 16 * MiB))).rejects.toThrow('0 layers')
  expect([await opened(bad.path), (await vm.volumes.plugged()).length]).toEqual([false, 1])
  await vm.volumes.unplug(reader, [base.path])

  // Nor what is written over one that is read may be kept open by a QEMU that gave the disk back.
  await vm.volumes.plug(disk(kept, [base], 16 * MiB, { readOnly: true, replays: true }))
  const over = replayFile(vm.record.runDir, kept)
  expect(await openForWriting(vm.pid, [over])).toEqual([over])
  await giveFiles(vm.record.runDir, [[{ path: over, access: 'write', label: 'kept/open/rw' }]])
  await expect(vm.volumes.unplug(kept, [base.path])).rejects.toThrow(StillWritten)
  await access(over)

  await vm.volumes.plug(disk(b, [base], 16 * MiB, { onFull: 'fail' }))
  expect(await vm.volumes.plugged()).toMatchObject([{ serial: b, device: true }])
  await vm.volumes.unplug(b, [base.path])
  expect(await vm.volumes.plugged()).toEqual([])
})

test('a VM whose store is full stands still, says so, and goes on with every byte once there is room', async () => {
  const place = join(folder, 'full')
  await mkdir(place)
  await run('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=0700', 'tmpfs', place])
  const base = await layer('full', 64 * MiB, join(place, 'full.qcow2'), 'off')
  await vm.volumes.plug(disk(full, [base], 64 * MiB, { direct: await opensDirect(base.path) }))
  const faults: VolumeFault[] = []
  const stop = vm.volumes.onFault((fault) => faults.push(fault))
  await guest.out(`D=$(await ${full}); (for i in 0 1 2 3 4 5 6 7; do cat /bin/busybox; done | head -c 8388608 >/data; dd if=/data of=$D bs=1M conv=notrunc,fsync 2>/dev/null; echo $? >/copied) >/dev/null 2>&1 &`)
  await vi.waitFor(() => expect(faults.length).toBeGreaterThan(0), patience)
  expect(faults[0]).toMatchObject({ serial: full, operation: 'write', noSpace: true, paused: true })
  await run('mount', ['-o', 'remount,size=64m', place])
  await vm.volumes.resume()
  expect(await guest.out('while [ ! -e /copied ]; do sleep 0.05; done; cat /copied; dd if=$D bs=1M count=8 iflag=direct 2>/dev/null | cmp - /data')).toBe('0')
  stop()
  await vm.volumes.unplug(full, [base.path])
})

test('a VM that makes its scratch disk larger than it was given ends', async () => {
  const scratch = vm.record.scratch
  if (!scratch) throw new Error('no scratch disk is known')
  await truncate(scratch.file, scratch.bytes + 1)
  expect((await vm.exited).cause).toMatch(/^it made its scratch disk larger than it was given/)
})
