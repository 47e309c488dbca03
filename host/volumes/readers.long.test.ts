import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import type { Assignment } from '@/contracts/host/v1'
import type { HostVolume } from '@/contracts/host/v1/volumes'
import { sampleReference } from '@/host/images/sample/sample-image'
import { replayBytesOf } from '@/host/hypervisor/replay-file'
import { sha256 } from '@/host/hypervisor/testing/test-hypervisor'
import { RealHost } from '@/host/pods/testing/real-host'
import { cleanupAfterAll } from '@/tools/testing/cleanup-after-all'
import { shell, untilVolumes } from './testing/pods-on-host'
import { MiB, VolumeServer } from './testing/volume-server'

let host: RealHost
let server: VolumeServer
let folder: string

const cleanup = cleanupAfterAll()

beforeAll(async () => {
  folder = await cleanup.open('the folder', mkdtemp(join(tmpdir(), 'volumes-')), (one) => rm(one, { recursive: true, force: true }))
  host = await cleanup.open('the host', RealHost.open(), (one) => one.close(), 240_000)
  server = new VolumeServer(host, host.pod({}).tenantId)
  server.store(folder)
})

const until = (condition: () => boolean | Promise<boolean>) => untilVolumes(host, condition)

const pod = (scratchMiB: number | null = null): Assignment => host.pod({ containers: [{ name: 'main', image: sampleReference, command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.2; done'] }], terminationGracePeriodSeconds: 1, securityContext: { runAsUser: 0 } }, { scratchMiB })

const sh = (one: Assignment, script: string) => shell(host, one, script)

const at = (path: string, readOnly = false) => ({ readOnly, mounts: [{ container: 'main', path, subPath: '', readOnly }] })

async function attach(volume: HostVolume, path: string, readOnly: boolean, ...pods: Assignment[]): Promise<HostVolume> {
  let attached = volume
  for (const one of pods) attached = server.attached(attached, one, `hot-${path.slice(1)}`, at(path, readOnly))
  server.say(attached)
  for (const one of pods) {
    await until(() => server.attachment(attached, one)?.phase === 'Attached')
    await until(async () => (await host.run(one, ['grep', '-q', ` ${path} `, '/proc/mounts'])).exitCode === 0)
  }
  return attached
}

async function detach(volume: HostVolume, ...pods: Assignment[]): Promise<void> {
  server.say({ ...volume, attachments: volume.attachments.filter(({ podUid }) => pods.every(({ uid }) => uid !== podUid)), detaching: pods.map(({ uid }) => ({ podUid: uid, forced: false })) })
  for (const one of pods) await until(() => server.attachment(volume, one)?.phase === 'Detached')
}

/** Every file of the store, by its digest. */
async function store(): Promise<Record<string, string>> {
  const paths = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile() && entry.name.endsWith('.qcow2')).map(({ parentPath, name }) => join(parentPath, name))
  return Object.fromEntries(await Promise.all(paths.map(async (path) => [path, await sha256(path)] as const)))
}

/** What a VM has for its readers to write to. */
const thrownAway = async (one: Assignment): Promise<string[]> => readdir(join(host.folder, 'pods', one.uid, 'replay')).catch(() => [])

for (const fsType of ['ext4', 'xfs'] as const) {
  it(`several pods read all that was on the disk of an ${fsType} when a copy of it was taken, and nothing of the copy is changed`, { timeout: 300_000 }, async () => {
    const [writer, reader] = [pod(), pod()]
    host.apply([writer, reader])
    await host.untilRunning(writer)
    await host.untilRunning(reader)
    const sizeBytes = 320 * MiB
    const data = await attach(server.volume({ fsType, sizeBytes }), '/data', false, writer)
    await sh(writer, 'sync; mkdir /data/new; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do echo "content $i" | dd of=/data/new/$i conv=fsync 2>/dev/null || exit 1; done')
    const snapshot = server.snapshot(data)
    server.say(snapshot)
    await until(() => server.report('snapshot', snapshot.uid)?.phase === 'Ready')
    expect(server.report('snapshot', snapshot.uid)).toMatchObject({ consistency: 'CrashConsistent' })
    await detach(data, writer)

    const copy = server.volume({ fsType, sizeBytes, formatted: true, origin: { kind: 'snapshot', snapshotUid: snapshot.uid } })
    server.say(copy)
    await until(() => server.report('volume', copy.uid)?.phase === 'Ready')
    const before = await store()
    const read = await attach(copy, '/copy', true, writer, reader)
    expect(await store()).toEqual(before)
    for (const one of [writer, reader]) {
      expect(await sh(one, 'ls /copy/new | wc -l; cat /copy/new/20')).toBe('20\ncontent 20')
      expect((await host.run(one, ['touch', '/copy/x'])).exitCode).not.toBe(0)
      expect(await thrownAway(one)).toHaveLength(1)
    }
    // What is there of it the next agent knows, too.
    await host.reopen()
    server.connect()
    await until(() => [writer, reader].every((one) => server.attachment(read, one)?.phase === 'Attached'))
    expect(await sh(reader, 'cat /copy/new/1')).toBe('content 1')
    await detach(read, writer)
    expect([await thrownAway(writer), await sh(reader, 'cat /copy/new/2')]).toEqual([[], 'content 2'])
    host.apply([])
    for (const one of [writer, reader]) await until(() => host.report(one)?.phase === 'Gone')
    expect([await store(), await thrownAway(reader)]).toEqual([before, []])
    for (const volume of [data, copy]) server.unsay(`volume/${volume.uid}`)
  })
}

it('a pod whose scratch disk leaves no room for a journal reads what needs none, and is refused what does with what to do', { timeout: 300_000 }, async () => {
  const [writer, small] = [pod(), pod(128)]
  host.apply([writer, small])
  await host.untilRunning(writer)
  await host.untilRunning(small)
  const data = await attach(server.volume({ sizeBytes: 64 * MiB }), '/data', false, writer)
  await sh(writer, 'echo content | dd of=/data/file conv=fsync 2>/dev/null')
  const dirty = server.snapshot(data)
  server.say(dirty)
  await until(() => server.report('snapshot', dirty.uid)?.phase === 'Ready')
  await detach(data, writer)
  const clean = server.snapshot(data)
  server.say(clean)
  await until(() => server.report('snapshot', clean.uid)?.phase === 'Ready')
  const copyOf = async ({ uid: snapshotUid }: { uid: string }) => {
    const copy = server.volume({ sizeBytes: 64 * MiB, formatted: true, origin: { kind: 'snapshot', snapshotUid } })
    server.say(copy)
    await until(() => server.report('volume', copy.uid)?.phase === 'Ready')
    return copy
  }
  const first = await attach(await copyOf(dirty), '/first', true, small)
  expect(await thrownAway(small)).toHaveLength(1)
  await attach(await copyOf(clean), '/clean', true, small)
  expect([await thrownAway(small), await sh(small, 'cat /clean/file')]).toEqual([[expect.any(String)], 'content'])
  const last = server.attached(await copyOf(dirty), small, 'hot-last', at('/last', true))
  server.say(last)
  await until(() => server.attachment(last, small)?.reason === 'Conflict')
  expect(server.attachment(last, small)?.message).toMatch(/ephemeral storage leaves no room/)
  // The room that another one leaves is the next one's.
  await detach(first, small)
  await until(() => server.attachment(last, small)?.phase === 'Attached')
  await until(async () => (await host.run(small, ['grep', '-q', ' /last ', '/proc/mounts'])).exitCode === 0)
  expect(await sh(small, 'cat /last/file')).toBe('content')
  host.apply([])
  for (const one of [writer, small]) await until(() => host.report(one)?.phase === 'Gone')
})

it('a guest that writes more over what it reads than is thrown away for it is refused that, and nobody waits', { timeout: 300_000 }, async () => {
  const one = host.pod({ containers: [{ name: 'main', image: sampleReference, command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.2; done'], securityContext: { privileged: true } }], terminationGracePeriodSeconds: 1, securityContext: { runAsUser: 0 } })
  host.apply([one])
  await host.untilRunning(one)
  const data = await attach(server.volume({ sizeBytes: 64 * MiB }), '/data', false, one)
  await sh(one, 'echo kept >/data/file; sync')
  await detach(data, one)
  const before = await store()
  const read = await attach({ ...data, epoch: 2, attachments: [], detaching: [], formatted: true }, '/copy', true, one)
  const device = server.attachment(read, one)?.device ?? ''
  const number = await sh(one, `cat /sys/block/${device.slice('/dev/'.length)}/dev | tr : ' '`)
  // Over and over: each time the same blocks take other places of the file, or none is left.
  await sh(one, `mknod /tmp/disk b ${number}; for i in 1 2 3; do dd if=/dev/urandom of=/tmp/disk bs=1M count=64 conv=notrunc,fsync 2>/dev/null; done; true`)
  const [name = ''] = await thrownAway(one)
  const file = await stat(join(host.folder, 'pods', one.uid, 'replay', name))
  expect(file.size).toBe(replayBytesOf(64 * MiB))
  expect(file.blocks * 512).toBeLessThanOrEqual(file.size)
  expect([server.attachment(read, one), host.report(one)?.phase]).toMatchObject([{ phase: 'Attached', paused: false }, 'Running'])
  host.apply([])
  await until(() => host.report(one)?.phase === 'Gone')
  expect(await store()).toEqual(before)
  expect(await readFile('/proc/mounts', 'utf8')).not.toContain(folder)
})
