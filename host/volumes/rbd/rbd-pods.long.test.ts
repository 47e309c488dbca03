import { randomInt, randomUUID } from 'node:crypto'
import { stat, readlink } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Assignment } from '@/contracts/host/v1'
import type { HostVolume, HostVolumeStore } from '@/contracts/host/v1/volumes'
import { sampleReference } from '@/host/images/sample/sample-image'
import { StorageNamespace, storageNamespaceName } from '@/host/network/storage-namespace'
import { RealHost } from '@/host/pods/testing/real-host'
import { logger } from '@/platform/logger'
import { TestCeph, testPool } from '../testing/ceph'
import { agentKey } from '../testing/rbd-store'
import { MiB, VolumeServer } from '../testing/volume-server'

/** Of the block that is for measurements between networks (RFC 2544). */
const subnet = `198.18.${randomInt(256)}`
const storeUid = randomUUID()
const longMs = 60_000

let ceph: TestCeph
let host: RealHost
let server: VolumeServer

beforeAll(async () => {
  ceph = await TestCeph.start({ capacity: true, wire: { from: null, there: `${subnet}.2`, here: `${subnet}.1` } })
  host = await RealHost.open()
  server = new VolumeServer(host, host.pod({}).tenantId)
  await tell()
})

afterAll(async () => {
  const tag = hostTag()
  await host?.close()
  await new StorageNamespace({ hostTag: tag, uids: { first: 1, last: 1 }, log: logger('test') }).remove()
  await ceph?.stop()
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

async function sh(pod: Assignment, script: string): Promise<string> {
  const { exitCode, output } = await host.run(pod, ['sh', '-c', script])
  if (exitCode !== 0) throw new Error(`"${script}" ended with ${exitCode}: ${output}`)
  return output.trim()
}

const until = (condition: () => boolean | Promise<boolean>): Promise<void> =>
  host.until(condition, longMs).catch((error: unknown) => {
    throw new Error(JSON.stringify([...host.volumes.reports().values()], null, 1), { cause: error })
  })

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

/** What was said to be on the disk is there for who only reads a copy that was taken meanwhile. */
async function reads(pod: Assignment, volume: HostVolume): Promise<HostVolume> {
  await sh(pod, 'mkdir /data/new && echo new | dd of=/data/new/file conv=fsync 2>/dev/null')
  const snapshot = server.snapshot(volume, { storeUid })
  server.say(snapshot)
  await until(() => server.report('snapshot', snapshot.uid)?.phase === 'Ready')
  const copy = server.attached(server.volume({ storeUid, sizeBytes: volume.sizeBytes, origin: { kind: 'snapshot', snapshotUid: snapshot.uid }, formatted: true }), pod, 'hot-copy', { readOnly: true, mounts: [{ container: 'main', path: '/copy', subPath: '', readOnly: true }] })
  server.say(copy)
  await until(() => server.attachment(copy, pod)?.phase === 'Attached')
  await until(async () => (await host.run(pod, ['grep', '-q', ' /copy ', '/proc/mounts'])).exitCode === 0)
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
  await sh(pod, 'echo later >/data/file && sync')

  await host.reopen()
  server.connect()
  await tell()
  await until(() => server.attachment(volume, pod)?.phase === 'Attached')
  // One that comes while it runs, of what was before.
  const clone = server.attached(server.volume({ storeUid, sizeBytes: 128 * MiB, origin: { kind: 'snapshot', snapshotUid: snapshot.uid }, formatted: true }), pod, 'hot-clone', { mounts: [{ container: 'main', path: '/clone', subPath: '', readOnly: false }] })
  server.say(clone)
  await until(() => server.attachment(clone, pod)?.phase === 'Attached')
  await until(async () => (await host.run(pod, ['grep', '-q', ' /clone ', '/proc/mounts'])).exitCode === 0)
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
  for (const one of [late, clone, copy]) {
    server.say({ ...one, attachments: [], detaching: [], purge: true })
    await until(() => server.report('volume', one.uid)?.phase === 'Purged')
  }
})

it('what a pod writes to a volume in a full pool waits and is said to, while the pod goes on; once there is room it is all there', { timeout: 300_000 }, async () => {
  const { pod, volume } = await startWith(server.volume({ storeUid }))
  await sh(pod, 'echo before >/data/file && sync')
  await ceph.admin.ceph(['osd', 'pool', 'set-quota', testPool, 'max_bytes', '1'])
  await until(() => host.volumes.storeReport(storeUid)?.freeBytes === 0 && server.attachment(volume, pod)?.paused === true)
  await sh(pod, '(dd if=/dev/zero of=/data/file bs=64k count=16 conv=fsync && echo written >/tmp/written) >/dev/null 2>&1 &')
  const other = server.volume({ storeUid })
  server.say(other)
  await until(() => (server.report('volume', other.uid)?.message ?? '').includes('has no room left'))
  // It is not stopped: what needs nothing of the volume is done.
  expect(await sh(pod, 'ls /tmp/written 2>/dev/null || echo waits')).toBe('waits')
  expect(host.volumes.pods.pausedBecause(pod.uid)).toBeNull()
  await ceph.admin.ceph(['osd', 'pool', 'set-quota', testPool, 'max_bytes', '0'])
  await until(() => server.attachment(volume, pod)?.paused === false)
  await until(async () => (await sh(pod, 'cat /tmp/written 2>/dev/null || true')) === 'written')
  await until(() => server.report('volume', other.uid)?.phase === 'Ready')
  expect(await sh(pod, 'wc -c </data/file')).toBe(String(16 * 64 * 1024))
  await end(pod, volume)
  server.say({ ...other, attachments: [], detaching: [], purge: true })
  await until(() => server.report('volume', other.uid)?.phase === 'Purged')
})
