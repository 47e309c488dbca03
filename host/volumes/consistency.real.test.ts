import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Assignment } from '@/contracts/host/v1'
import type { HostVolume, HostVolumeSnapshot } from '@/contracts/host/v1/volumes'
import { sampleReference } from '@/host/images/sample/sample-image'
import { RealHost } from '@/host/pods/testing/real-host'
import { run } from '@/platform/exec'
import { openForTests } from '@/tools/testing/cleanup-after-all'
import { copyOfLayers, ext4Of, lastLineOf, recoverExt4 } from './testing/ext4-copy'
import { shell, untilVolumes } from './testing/pods-on-host'
import { MiB, VolumeServer } from './testing/volume-server'
import { bytesWithoutLog, itemsToReplay } from './testing/xfs-copy'

let host: RealHost
let server: VolumeServer
let folder: string
let pod: Assignment

openForTests(async (cleanup) => {
  folder = await cleanup.open('the folder', mkdtemp(join(tmpdir(), 'volumes-')), (one) => rm(one, { recursive: true, force: true }))
  cleanup.add('the small disk', () => run('umount', [join(folder, 'small')]).catch(() => {}))
  host = await cleanup.open('the host', RealHost.open(), (one) => one.close(), 240_000)
  server = new VolumeServer(host, host.pod({}).tenantId)
  server.store(join(folder, 'store'))
  await mkdir(join(folder, 'store'))
  pod = host.pod({ containers: [{ name: 'main', image: sampleReference, command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.2; done'] }], terminationGracePeriodSeconds: 1, securityContext: { runAsUser: 0 } })
  host.apply([pod])
  await host.untilRunning(pod)
})

const sh = (script: string) => shell(host, pod, script)

const until = (condition: () => boolean | Promise<boolean>) => untilVolumes(host, condition)

async function attach(volume: HostVolume, path: string): Promise<HostVolume> {
  const attached = server.attached(volume, pod, `hot-${path.slice(1)}`, { mounts: [{ container: 'main', path, subPath: '', readOnly: false }] })
  server.say(attached)
  await until(() => server.attachment(attached, pod)?.phase === 'Attached')
  await until(async () => (await host.run(pod, ['grep', '-q', ` ${path} `, '/proc/mounts'])).exitCode === 0)
  return attached
}

const isReady = ({ uid }: HostVolumeSnapshot) => server.report('snapshot', uid)?.phase === 'Ready'

async function take(volume: HostVolume, freeze: boolean): Promise<HostVolumeSnapshot> {
  const snapshot = server.snapshot(volume, { freeze })
  server.say(snapshot)
  await until(() => isReady(snapshot))
  return snapshot
}

async function copyOf(snapshot: HostVolumeSnapshot): Promise<string> {
  const raw = join(folder, `${snapshot.uid}.raw`)
  await copyOfLayers(join(folder, 'store', 'snapshots', snapshot.uid), raw)
  return raw
}

/** Appends numbers to a file `log` there and makes folders, with a sync now and then, until it is told to end. */
async function startWriter(path: string) {
  await sh(`cat >/tmp/writer <<"END"\ni=0; while [ ! -e /tmp/stop ]; do i=$((i+1)); echo $i >>$1/log || exit 1; mkdir -p $1/d$((i % 50))/$i || exit 1; [ $((i % 5)) != 0 ] || sync; done\nEND\nrm -f /tmp/stop; sh /tmp/writer ${path} >/tmp/out 2>&1 &`)
  const written = async (): Promise<number> => Number(await sh(`tail -n 1 ${path}/log 2>/dev/null || echo 0`))
  const more = async (lines: number): Promise<number> => {
    const now = await written()
    await until(async () => (await written()) > now + lines)
    return written()
  }
  return { more, end: () => sh('touch /tmp/stop; sleep 1; cat /tmp/out') }
}

/** Three of a volume in a row: of a disk that is written, as it comes to rest, and as it is. */
async function looseFrozenLoose(volume: HostVolume, between: () => Promise<unknown> = async () => {}): Promise<[string, string, string]> {
  const [loose, frozen] = [await take(volume, false), await take(volume, true)]
  await between()
  const later = await take(volume, false)
  expect([loose, frozen, later].map(({ uid }) => server.report('snapshot', uid)?.consistency)).toEqual(['CrashConsistent', 'FilesystemConsistent', 'CrashConsistent'])
  return [await copyOf(loose), await copyOf(frozen), await copyOf(later)]
}

it('a snapshot that is FilesystemConsistent needs no journal, under a writer for whom any other needs one', async () => {
  const data = await attach(server.volume(), '/data')
  const writer = await startWriter('/data')
  const before = await writer.more(20)
  await sh('sync')
  const [looseCopy, frozenCopy, laterCopy] = await looseFrozenLoose(data)
  expect([(await ext4Of(looseCopy)).needsRecovery, await ext4Of(frozenCopy), (await ext4Of(laterCopy)).needsRecovery]).toEqual([true, { needsRecovery: false, problems: '' }, true])
  const last = Number(await lastLineOf(frozenCopy, '/log'))
  // What the guest was told is on the disk is there also where the power was cut.
  for (const copy of [looseCopy, laterCopy]) await recoverExt4(copy)
  expect([Number(await lastLineOf(looseCopy, '/log')) > 0, last >= before, Number(await lastLineOf(laterCopy, '/log')) >= last]).toEqual([true, true, true])
  await writer.more(0)
  expect(await writer.end()).toBe('')
})

it('and of xfs its log has nothing to replay but the superblock', async () => {
  const data = await attach(server.volume({ sizeBytes: 320 * MiB, fsType: 'xfs' }), '/xfs')
  const writer = await startWriter('/xfs')
  await writer.more(20)
  const before = Number(await sh('sync; stat -c %s /xfs/log'))
  // Once it goes on it has more to replay after the next sync.
  const [looseCopy, frozenCopy, laterCopy] = await looseFrozenLoose(data, () => writer.more(20))
  expect([(await itemsToReplay(looseCopy)) > 0, await itemsToReplay(frozenCopy), (await itemsToReplay(laterCopy)) > 0]).toEqual([true, 0, true])
  expect(await bytesWithoutLog(frozenCopy, 'log')).toBeGreaterThanOrEqual(before)
  expect(await writer.end()).toBe('')
})

it('a pod that stands still for a store has snapshots of its other volumes taken once it goes on, and is not ended for them', async () => {
  const small = join(folder, 'small')
  await mkdir(small)
  await run('mount', ['-t', 'tmpfs', '-o', 'size=160m,mode=700', 'tmpfs', small])
  const filler = join(small, 'filler')
  await run('fallocate', ['-l', '140M', filler])
  const full = await attach(server.volume({ storeUid: server.store(small, randomUUID()), sizeBytes: 96 * MiB }), '/full')
  const other = await attach(server.volume(), '/other')
  await sh('echo kept >/other/file; sync; touch /tmp/before')
  const before = await host.processOf(pod)
  await sh('(head -c 41943040 /dev/urandom >/full/file; sync; touch /tmp/done) >/dev/null 2>&1 &')
  await until(() => server.attachment(full, pod)?.paused === true)
  const [waits, idle] = [server.snapshot(other), server.volume()]
  server.say(waits, idle)
  await until(() => server.report('volume', idle.uid)?.phase === 'Ready')
  await take(idle, false)
  expect([server.report('snapshot', waits.uid)?.phase, server.attachment(full, pod)?.paused]).toEqual(['Creating', true])
  await rm(filler)
  await until(() => isReady(waits) && server.attachment(full, pod)?.paused === false)
  await until(async () => (await host.run(pod, ['test', '-e', '/tmp/done'])).exitCode === 0)
  expect([await host.processOf(pod), await sh('cat /other/file; ls /tmp/before')]).toEqual([before, 'kept\n/tmp/before'])
})
