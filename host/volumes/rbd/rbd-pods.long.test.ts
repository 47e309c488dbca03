import { randomInt, randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readlink, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, it, onTestFinished } from 'vitest'
import type { Assignment } from '@/contracts/host/v1'
import type { HostVolume, HostVolumeSnapshot, HostVolumeStore } from '@/contracts/host/v1/volumes'
import { sampleReference } from '@/host/images/sample/sample-image'
import { storageNamespaceName } from '@/host/network/storage-namespace'
import { RealHost } from '@/host/pods/testing/real-host'
import { cleanupAfterAll } from '@/tools/testing/cleanup-after-all'
import { TestCeph, testPool } from '../testing/ceph'
import { copyOfLayers, ext4Of, lastLineOf, recoverExt4 } from '../testing/ext4-copy'
import { agentKey } from '../testing/rbd-store'
import { shell, untilVolumes } from '../testing/pods-on-host'
import { MiB, VolumeServer } from '../testing/volume-server'

/** Of the block that is for measurements between networks (RFC 2544). */
const subnet = `198.18.${randomInt(256)}`
const storeUid = randomUUID()
/** A program of Ceph that hangs is ended after a minute, and what it did is tried again. */
const longMs = 150_000

let ceph: TestCeph
let host: RealHost
let server: VolumeServer
/** Of a store of files, and of copies. */
let folder: string

const cleanup = cleanupAfterAll()

beforeAll(async () => {
  ceph = await cleanup.open('Ceph', TestCeph.start({ capacity: true, wire: { from: null, there: `${subnet}.2`, here: `${subnet}.1` } }), (one) => one.stop())
  folder = await cleanup.open('the folder', mkdtemp(join(tmpdir(), 'rbd-pods-')), (one) => rm(one, { recursive: true, force: true }))
  host = await cleanup.open('the host', RealHost.open(), (one) => one.close(), 240_000)
  server = new VolumeServer(host, host.pod({}).tenantId)
  await tell()
})

const hostTag = (): string => /^hyp-(.*)-n\d+$/.exec(host.namespace(host.pod({})))?.[1] ?? ''

/** What a server says of the store: its key is no part of it. */
async function tell(): Promise<void> {
  const store: HostVolumeStore = { kind: 'store', uid: storeUid, name: 'ceph', store: { type: 'rbd', monitors: [`${ceph.address}:6789`], pool: testPool, namespace: null, user: 'hypernetes', networks: [`${subnet}.0/24`], keyRevision: '1' } }
  host.volumes.takeSecrets({ kind: 'storeSecrets', secrets: [{ storeUid, revision: '1', key: await agentKey(ceph) }] })
  server.say(store)
  await host.until(() => host.volumes.storeReport(storeUid)?.reachable === true, longMs)
}

const container = { name: 'main', image: sampleReference, command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.2; done'] }
const podWith = (volume: HostVolume): Assignment =>
  host.pod({ containers: [{ ...container, volumeMounts: [{ name: 'data', mountPath: '/data' }] }], volumes: [{ name: 'data', cinder: { volumeID: volume.uid, fsType: 'ext4' } }], terminationGracePeriodSeconds: 1 })

const sh = (pod: Assignment, script: string) => shell(host, pod, script)

const until = (condition: () => boolean | Promise<boolean>) => untilVolumes(host, condition, longMs)

/** Starts a pod with a volume in its spec, as the server does it. */
async function startWith(volume: HostVolume): Promise<{ pod: Assignment; volume: HostVolume }> {
  const pod = podWith(volume)
  const attached = server.attached(volume, pod, 'data')
  server.say(attached)
  host.apply([server.assigned(pod, { data: attached })])
  await until(() => host.report(pod)?.phase === 'Running')
  return { pod, volume: attached }
}

async function end(pod: Assignment, volume: HostVolume): Promise<void> {
  host.apply([])
  await until(() => host.report(pod)?.phase === 'Gone')
  server.say({ ...volume, attachments: [], detaching: [{ podUid: pod.uid, forced: false }] })
  await until(() => server.attachment(volume, pod)?.phase === 'Detached')
}

/** Gives a pod that runs a volume. */
async function attachHot(pod: Assignment, volume: HostVolume, path: string, readOnly = false): Promise<HostVolume> {
  const attached = server.attached(volume, pod, `hot-${path.slice(1)}`, { readOnly, mounts: [{ container: 'main', path, subPath: '', readOnly }] })
  server.say(attached)
  await until(() => server.attachment(attached, pod)?.phase === 'Attached')
  await until(async () => (await host.run(pod, ['grep', '-q', ` ${path} `, '/proc/mounts'])).exitCode === 0)
  return attached
}

async function purge(...volumes: HostVolume[]): Promise<void> {
  for (const one of volumes) {
    server.say({ ...one, attachments: [], detaching: [], purge: true })
    await until(() => server.report('volume', one.uid)?.phase === 'Purged')
  }
}

/** A copy of a snapshot's disk on this host. */
async function copyOf({ uid, storeUid: of, tenantId, volumeUid }: HostVolumeSnapshot): Promise<string> {
  const raw = join(folder, `${uid}.raw`)
  if (of === storeUid) await ceph.admin.rbd(['export', '--no-progress', `${testPool}/${tenantId}/volume-${volumeUid}@${uid}`, raw])
  else await copyOfLayers(join(folder, 'store', 'snapshots', uid), raw)
  return raw
}

/** What was said to be on the disk is there for who only reads a copy that was taken meanwhile. */
async function reads(pod: Assignment, volume: HostVolume): Promise<HostVolume> {
  await sh(pod, 'mkdir /data/new && echo new | dd of=/data/new/file conv=fsync 2>/dev/null')
  const snapshot = server.snapshot(volume, { storeUid })
  server.say(snapshot)
  await until(() => server.report('snapshot', snapshot.uid)?.phase === 'Ready')
  const copy = await attachHot(pod, server.volume({ storeUid, sizeBytes: volume.sizeBytes, origin: { kind: 'snapshot', snapshotUid: snapshot.uid }, formatted: true }), '/copy', true)
  expect([await sh(pod, 'cat /copy/new/file'), (await host.run(pod, ['touch', '/copy/x'])).exitCode]).toEqual(['new', 1])
  server.say({ ...copy, attachments: [], detaching: [{ podUid: pod.uid, forced: false }] })
  await until(() => server.attachment(copy, pod)?.phase === 'Detached')
  return copy
}

it('pods have volumes in Ceph: from a blank one to the next pod, grown, snapshotted and cloned under way, over a start of the agent; a VM without the way says so', { timeout: 600_000 }, async () => {
  const first = await startWith(server.volume({ storeUid }))
  const { pod } = first
  let { volume } = first
  expect(server.attachment(volume, pod)).toMatchObject({ phase: 'Attached', epoch: 1 })
  expect(server.report('volume', volume.uid)).toMatchObject({ phase: 'Ready', formatted: 'ext4' })
  await sh(pod, 'echo kept >/data/file && sync')
  // Its QEMU is where stores are reached from, not in its network.
  expect(await readlink(`/proc/${await host.processOf(pod)}/ns/net`)).toBe(`net:[${(await stat(`/run/netns/${storageNamespaceName(hostTag())}`)).ino}]`)

  volume = { ...volume, sizeBytes: 128 * MiB }
  server.say(volume)
  await until(() => (server.report('volume', volume.uid)?.sizeBytes ?? 0) === 128 * MiB && (server.attachment(volume, pod)?.fsBytes ?? 0) > 100 * MiB)
  const snapshot = server.snapshot(volume, { storeUid, freeze: true })
  server.say(snapshot)
  await until(() => server.report('snapshot', snapshot.uid)?.phase === 'Ready')
  expect(server.report('snapshot', snapshot.uid)).toMatchObject({ consistency: 'FilesystemConsistent', reason: '' })
  await sh(pod, 'echo later >/data/file && sync')

  await host.reopen()
  server.connect()
  await tell()
  await until(() => server.attachment(volume, pod)?.phase === 'Attached')
  // One that comes while it runs, of what was before.
  const clone = await attachHot(pod, server.volume({ storeUid, sizeBytes: 128 * MiB, origin: { kind: 'snapshot', snapshotUid: snapshot.uid }, formatted: true }), '/clone')
  expect(await sh(pod, 'cat /clone/file /data/file')).toBe('kept\nlater')
  server.say({ ...clone, attachments: [], detaching: [{ podUid: pod.uid, forced: false }] })
  await until(() => server.attachment(clone, pod)?.phase === 'Detached')
  const copy = await reads(pod, volume)
  await end(pod, volume)

  const next = await startWith({ ...volume, epoch: 2, attachments: [], detaching: [] })
  expect(await sh(next.pod, 'cat /data/file')).toBe('later')
  // A dead QEMU leaves its lock and, for half a minute, its watch.
  await sh(next.pod, 'echo killed >/data/file && sync')
  const killed = (await host.processOf(next.pod)) ?? 0
  process.kill(killed, 'SIGKILL')
  await until(async () => (await host.processOf(next.pod).catch(() => killed)) !== killed && (await sh(next.pod, 'cat /data/file').catch(() => '')) === 'killed')
  await end(next.pod, next.volume)

  const without = host.pod({ containers: [container], terminationGracePeriodSeconds: 1 })
  host.apply([without])
  await until(() => host.report(without)?.phase === 'Running')
  const late = server.attached({ ...next.volume, epoch: 3, attachments: [], detaching: [] }, without, 'hot-late', { mounts: [] })
  server.say(late)
  await until(() => (server.attachment(late, without)?.message ?? '').includes('create the pod anew'))
  server.say({ ...late, attachments: [], detaching: [{ podUid: without.uid, forced: false }] })
  await until(() => server.attachment(late, without)?.phase === 'Detached')
  host.apply([])
  await until(() => host.report(without)?.phase === 'Gone')
  await purge(late, clone, copy)
})

it('a group of snapshots is of one instant in Ceph, and with a volume in files, under a writer: what was frozen needs no journal, and anything else is as after a power cut', { timeout: 300_000 }, async () => {
  await mkdir(join(folder, 'store'))
  const filesUid = server.store(join(folder, 'store'))
  const { pod, volume: first } = await startWith(server.volume({ storeUid }))
  const second = await attachHot(pod, server.volume({ storeUid }), '/second')
  const third = await attachHot(pod, server.volume({ storeUid: filesUid }), '/third')
  await sh(pod, 'cat >/tmp/writer <<"END"\ni=0; while [ ! -e /tmp/stop ]; do i=$((i+1)); for at in /data /second /third; do echo $i >>$at/log && mkdir -p $at/d$((i % 50))/$i && sync || exit 1; done; done\nEND\nsh /tmp/writer >/tmp/out 2>&1 &')
  const written = async (): Promise<number> => Number(await sh(pod, 'tail -n 1 /third/log 2>/dev/null || echo 0'))
  await until(async () => (await written()) > 10)
  for (const [volumes, freeze] of [[[first, second], false], [[first, second, third], false], [[first, second], true], [[first, second, third], true]] as const) {
    const before = await written()
    const group = randomUUID()
    const snapshots = volumes.map((one) => server.snapshot(one, { storeUid: one.storeUid, group, groupSize: volumes.length, freeze }))
    server.say(...snapshots)
    await until(() => snapshots.every(({ uid }) => server.report('snapshot', uid)?.phase === 'Ready'))
    const consistency = freeze ? 'FilesystemConsistent' : 'CrashConsistent'
    expect(snapshots.map(({ uid }) => server.report('snapshot', uid))).toMatchObject(snapshots.map(() => ({ consistency, reason: '' })))
    const copies = await Promise.all(snapshots.map(copyOf))
    const found = await Promise.all(copies.map(ext4Of))
    if (freeze) expect(found).toEqual(copies.map(() => ({ needsRecovery: false, problems: '' })))
    else expect(found.map(({ needsRecovery }) => needsRecovery)).toEqual(copies.map(() => true))
    if (!freeze) await Promise.all(copies.map(recoverExt4))
    const last = await Promise.all(copies.map(async (copy) => Number(await lastLineOf(copy, '/log'))))
    // A number is in one log before the next one has it, and none is more than one ahead.
    expect([(last[0] ?? 0) - (last.at(-1) ?? 0) <= 1, last.every((number, i) => i === 0 || number <= (last[i - 1] ?? 0)), (last.at(-1) ?? 0) >= before], `${consistency}: ${last.join(', ')} after ${before}`).toEqual([true, true, true])
    for (const one of snapshots) {
      server.say({ ...one, state: 'remove' })
      await until(() => server.report('snapshot', one.uid)?.phase === 'Purged')
    }
    const now = await written()
    await until(async () => (await written()) > now)
  }
  expect(await sh(pod, 'touch /tmp/stop; sleep 1; cat /tmp/out')).toBe('')
  await end(pod, first)
  await purge(first, second, third)
})

/** Of bytes in the pool; 0: none. */
const quota = async (bytes: number): Promise<void> => void (await ceph.admin.ceph(['osd', 'pool', 'set-quota', testPool, 'max_bytes', String(bytes)]))

it('what a pod writes to a volume in a full pool waits and is said to, while the pod goes on; once there is room it is all there', { timeout: 300_000 }, async () => {
  const { pod, volume } = await startWith(server.volume({ storeUid }))
  await sh(pod, 'echo before >/data/file && sync')
  // Whatever fails: what comes after needs room.
  onTestFinished(() => quota(0))
  await quota(1)
  await until(() => host.volumes.storeReport(storeUid)?.freeBytes === 0 && server.attachment(volume, pod)?.paused === true)
  const other = server.volume({ storeUid })
  server.say(other)
  await until(() => (server.report('volume', other.uid)?.message ?? '').includes('has no room left'))
  // The quota is known at once, and the pool is closed to writers some time after.
  await until(() => ceph.isFull())
  await sh(pod, '(dd if=/dev/zero of=/data/file bs=64k count=16 conv=fsync && echo written >/tmp/written) >/dev/null 2>&1 &')
  // It is not stopped: what needs nothing of the volume is done.
  expect(await sh(pod, 'sleep 5; ls /tmp/written 2>/dev/null || echo waits')).toBe('waits')
  expect(host.volumes.pods.pausedBecause(pod.uid)).toBeNull()
  await quota(0)
  await until(() => server.attachment(volume, pod)?.paused === false)
  await until(async () => (await sh(pod, 'cat /tmp/written 2>/dev/null || true')) === 'written')
  await until(() => server.report('volume', other.uid)?.phase === 'Ready')
  expect(await sh(pod, 'wc -c </data/file')).toBe(String(16 * 64 * 1024))
  await end(pod, volume)
  await purge(other)
})
