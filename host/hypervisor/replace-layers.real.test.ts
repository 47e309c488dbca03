import { spawn, type ChildProcess } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { z } from 'zod'
import { layersGraph, limitsGroup, serialOf } from '@/host/volumes/open-image'
import type { Layer } from '@/host/volumes/store'
import { run } from '@/platform/exec'
import { giveFiles } from './give-files'
import { openForWriting } from './open-for-writing'
import { QmpClient } from './qmp'
import { filesSocket, qmpSocket, vmFolder } from './start-qemu'
import { VolumeDisks } from './volume-disks'
import { filesOf } from './volume-files'

const MiB = 2 ** 20
const serial = serialOf('aaaaaaaa-0000-4000-8000-000000000000')
const noRates = { iops: null, iopsBurst: null, bytesPerSecond: null, bytesPerSecondBurst: null, burstSeconds: 60 }

let folder: string
let qemu: ChildProcess
let qmp: QmpClient
let disks: VolumeDisks
let said = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'replace-'))
  await mkdir(vmFolder(folder))
  const monitor = (path: string) => ['-qmp', `unix:${path},server=on,wait=off`]
  qemu = spawn('qemu-system-x86_64', ['-machine', 'none', '-nodefaults', '-no-user-config', '-display', 'none', ...monitor(qmpSocket(folder)), ...monitor(filesSocket(folder))], { stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [qemu.stdout, qemu.stderr]) stream?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  qmp = await connected()
  disks = new VolumeDisks(qmp, { runDir: folder, uid: 0, process: { pid: qemu.pid ?? 0, startTicks: '', bootId: '' }, scratch: null, cgroups: [], memoryBytes: null, storage: false })
})

afterEach(async () => {
  qmp?.close()
  await new Promise<void>((resolve) => {
    if (qemu.exitCode !== null || qemu.signalCode !== null) return resolve()
    qemu.once('close', () => resolve())
    qemu.kill('SIGKILL')
  })
  await rm(folder, { recursive: true, force: true })
})

async function connected(): Promise<QmpClient> {
  const end = Date.now() + 60_000
  for (;;) {
    try {
      return await QmpClient.connect(qmpSocket(folder))
    } catch (error) {
      if (qemu.exitCode !== null || Date.now() > end) throw error
      await pause(20)
    }
  }
}

/** A layer without data, or with these bytes at the beginning of these MiB. */
async function layer(id: string, readOnly: boolean, data: readonly [mib: number, byte: number][] = []): Promise<Layer> {
  const path = join(folder, `${id}.qcow2`)
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', path, String(64 * MiB)])
  if (data.length > 0) await run('qemu-io', ['-f', 'qcow2', ...data.flatMap(([mib, byte]) => ['-c', `write -P ${byte} ${mib}M 64k`]), path])
  await chmod(path, readOnly ? 0o400 : 0o600)
  return { id, path, readOnly }
}

async function io(command: string): Promise<string> {
  said = ''
  await qmp.execute('human-monitor-command', { 'command-line': `qemu-io ${serial} "${command}"` }, z.string())
  const end = Date.now() + 60_000
  while (!/^(read|wrote) |failed/m.test(said) && Date.now() < end) await pause(5)
  return said
}
const holds = async (mib: number, byte: number): Promise<boolean> => /^read /m.test(await io(`read -P ${byte} ${mib}M 64k`)) && !said.includes('failed')

async function open(layers: readonly Layer[]): Promise<void> {
  const sets = await giveFiles(folder, layers.map((one) => filesOf(serial, one, false)))
  await qmp.command('object-add', limitsGroup(serial, noRates))
  await qmp.command('blockdev-add', layersGraph(serial, layers.map((one, i) => ({ layer: one, set: sets[i] ?? -1 })), { readOnly: false, direct: false }))
}

/** The files that QEMU has open, by their names. */
async function openFiles(): Promise<string[]> {
  const { stdout } = await run('find', [`/proc/${qemu.pid ?? 0}/fd`, '-type', 'l', '-lname', `${folder}/*.qcow2`, '-printf', '%l\n'])
  return [...new Set(stdout.split('\n').filter(Boolean).map((path) => path.slice(folder.length + 1)))].sort()
}

it('a volume goes on over merged layers, whatever it was opened with and came since, and closes those that went', async () => {
  const [a, b, c] = [await layer('a', true, [[0, 1]]), await layer('b', true, [[1, 2]]), await layer('c', false)]
  await open([c, b, a])
  expect((await disks.plugged()).map(({ layers }) => layers)).toEqual([['c', 'b', 'a']])
  await io('write -P 3 2M 64k')
  let top = c
  for (const id of ['d', 'e', 'f']) {
    const overlay = await layer(id, false)
    await disks.snapshot([{ serial, top, overlay, direct: false }])
    top = overlay
    await io(`write -P ${id.charCodeAt(0)} ${id.charCodeAt(0) - 96}M 64k`)
  }
  expect((await disks.plugged()).map(({ layers }) => layers)).toEqual([['f', 'e', 'd', 'c', 'b', 'a']])

  // What c, b and a were is one layer, under the name of the uppermost.
  await rm(c.path)
  const merged = await layer('c', true, [[0, 1], [1, 2], [2, 3]])
  const [d, e] = ['d', 'e'].map((id) => ({ id, path: join(folder, `${id}.qcow2`), readOnly: true }))
  await disks.replaceBelow({ serial, top, below: [e!, d!, merged], direct: false })
  expect((await disks.plugged()).map(({ layers }) => layers)).toEqual([['f', 'e', 'd', 'c']])
  expect(await openFiles()).toEqual(['c.qcow2', 'd.qcow2', 'e.qcow2', 'f.qcow2'])
  for (const [mib, byte] of [[0, 1], [1, 2], [2, 3], [4, 100], [5, 101], [6, 102], [7, 0]] as const) expect(await holds(mib, byte), `${mib} MiB`).toBe(true)
  expect(await openForWriting(qemu.pid ?? 0, [d!.path, e!.path, merged.path])).toEqual([])

  // And so on: snapshots, further merges, and the end.
  const g = await layer('g', false)
  await disks.snapshot([{ serial, top, overlay: g, direct: false }])
  await io('write -P 9 0M 64k')
  await rm(merged.path)
  const all = await layer('c', true, [[0, 1], [1, 2], [2, 3], [4, 100], [5, 101], [6, 102]])
  await disks.replaceBelow({ serial, top: g, below: [all], direct: false })
  expect([(await disks.plugged()).map(({ layers }) => layers), await openFiles()]).toEqual([[['g', 'c']], ['c.qcow2', 'g.qcow2']])
  for (const [mib, byte] of [[0, 9], [1, 2], [6, 102]] as const) expect(await holds(mib, byte), `${mib} MiB`).toBe(true)
  await disks.unplug(serial, [g.path])
  expect([await disks.plugged(), await openFiles()]).toEqual([[], []])
})

it('what a snapshot froze while the VM stood still is closed for writing once it goes on', async () => {
  const [a, b] = [await layer('a', false), await layer('b', false)]
  await open([a])
  await disks.pause()
  const steps = [{ serial, top: a, overlay: b, direct: false }]
  await disks.snapshot(steps, true)
  await expect(disks.confirmFrozen(steps)).rejects.toThrow('open for writing')
  await disks.resume()
  await disks.confirmFrozen(steps)
  expect((await disks.plugged()).map(({ layers }) => layers)).toEqual([['b', 'a']])
})

it('a volume whose merged layers cannot be opened goes on as before', async () => {
  const [a, b] = [await layer('a', true, [[0, 1]]), await layer('b', false)]
  await open([b, a])
  const missing = { id: 'x', path: join(folder, 'missing.qcow2'), readOnly: true }
  await expect(disks.replaceBelow({ serial, top: b, below: [missing], direct: false })).rejects.toThrow('could not be given')
  const broken = await layer('y', true)
  await run('truncate', ['-s', '100', broken.path])
  await expect(disks.replaceBelow({ serial, top: b, below: [broken], direct: false })).rejects.toThrow()
  await expect(disks.replaceBelow({ serial, top: b, below: [], direct: false })).rejects.toThrow('nothing below its top')
  expect([(await disks.plugged()).map(({ layers }) => layers), await openFiles(), await holds(0, 1)]).toEqual([[['b', 'a']], ['a.qcow2', 'b.qcow2'], true])
  await io('write -P 5 1M 64k')
  expect(await holds(1, 5)).toBe(true)
})
