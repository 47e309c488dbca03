import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Assignment } from '@/contracts/host/v1'
import type { HostVolume } from '@/contracts/host/v1/volumes'
import { sampleReference } from '@/host/images/sample/sample-image'
import { RealHost } from '@/host/pods/testing/real-host'
import { run } from '@/platform/exec'
import { openForTests } from '@/tools/testing/cleanup-after-all'
import { shell, untilVolumes } from './testing/pods-on-host'
import { MiB, VolumeServer } from './testing/volume-server'

let host: RealHost
let server: VolumeServer
let folder: string
/** What the server wants to run. */
let pods: Assignment[] = []

/** A pod that stays, with these volumes in its spec. */
function pod(named: Readonly<Record<string, HostVolume>>): Assignment {
  const names = Object.entries(named)
  const container = { name: 'main', image: sampleReference, command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.2; done'], volumeMounts: names.map(([name]) => ({ name, mountPath: `/${name}` })) }
  return host.pod({ containers: [container], volumes: names.map(([name, { uid, mode }]) => ({ name, cinder: { volumeID: uid, ...(mode === 'filesystem' ? { fsType: 'ext4' as const } : {}) } })), terminationGracePeriodSeconds: 1, securityContext: { runAsUser: 0 } })
}

function apply(...wanted: Assignment[]): void {
  pods = wanted
  host.apply(pods)
}

const sh = (one: Assignment, script: string) => shell(host, one, script)

const until = (condition: () => boolean | Promise<boolean>) => untilVolumes(host, condition)

const ended = (one: Assignment) => until(() => host.report(one)?.phase === 'Gone')
const told = (volume: HostVolume) => server.report('volume', volume.uid)
const isAttached = (volume: HostVolume, one: Assignment) => server.attachment(volume, one)?.phase === 'Attached'

/** Gives a pod that runs a volume, mounted into its container. */
async function attachHot(one: Assignment, volume: HostVolume, path: string): Promise<HostVolume> {
  const attached = server.attached(volume, one, `hot-${path.slice(1)}`, { mounts: [{ container: 'main', path, subPath: '', readOnly: false }] })
  server.say(attached)
  await until(() => isAttached(attached, one))
  await until(async () => (await host.run(one, ['grep', '-q', ` ${path} `, '/proc/mounts'])).exitCode === 0)
  return attached
}

async function detachHot(one: Assignment, volume: HostVolume): Promise<void> {
  server.say({ ...volume, attachments: [], detaching: [{ podUid: one.uid, forced: false }] })
  await until(() => server.attachment(volume, one)?.phase === 'Detached')
}

/** Mounts and loop devices of this host in which anything of a volume lies: a guest's file system is the guest's to read. The place of a full store is a test's own. */
async function onHost(): Promise<string[]> {
  const loops = (await run('losetup', ['--list', '--noheadings', '--output', 'NAME,BACK-FILE'])).stdout.split('\n').filter((line) => line.includes(folder))
  const devices = loops.map((line) => line.trim().split(/\s+/)[0] ?? '')
  const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n').filter((line) => line.includes(folder) || devices.includes(line.split(' ')[0] ?? ''))
  return [...loops, ...mounts.filter((line) => !line.startsWith(`tmpfs ${join(folder, 'small')} `))]
}

openForTests(async (cleanup) => {
  pods = []
  folder = await cleanup.open('the folder', mkdtemp(join(tmpdir(), 'volumes-')), (one) => rm(one, { recursive: true, force: true }))
  cleanup.add('the small disk', () => run('umount', [join(folder, 'small')]).catch(() => {}))
  host = await cleanup.open('the host', RealHost.open(), (one) => one.close(), 240_000)
  server = new VolumeServer(host, host.pod({}).tenantId)
  server.store(folder)
})

describe('the volumes of a host', () => {
  it('come with a pod and while it runs, outlive the agent and the pod, and are there for the next one', async () => {
    let data = server.volume()
    const first = pod({ data })
    // Before the server has said which volume it is the pod waits, and says so.
    apply(first)
    await until(() => host.report(first)?.reason === 'WaitingForVolumes')
    data = server.attached(data, first, 'data')
    server.say(data)
    apply(server.assigned(first, { data }))
    await host.untilRunning(first)
    expect(server.attachment(data, first)).toMatchObject({ phase: 'Attached', epoch: 1, paused: false, device: expect.stringMatching(/^\/dev\/vd/) as string })
    expect(told(data)).toMatchObject({ phase: 'Ready', epoch: 1, sizeBytes: 64 * MiB, formatted: 'ext4', parent: false })
    await sh(first, 'echo kept >/data/file && sync')

    let hot = server.attached(server.volume({ name: 'hot' }), first, 'hot-1', { mounts: [{ container: 'main', path: '/mnt/hot', subPath: '', readOnly: false }] })
    server.say(hot)
    await until(() => isAttached(hot, first))
    await until(async () => (await host.run(first, ['grep', '-q', ' /mnt/hot ', '/proc/mounts'])).exitCode === 0)
    await sh(first, 'echo warm >/mnt/hot/file')
    await host.reopen()
    expect(server.attachment(data, first)).toMatchObject({ phase: 'Attached' })
    server.connect()
    await until(() => isAttached(data, first) && isAttached(hot, first))
    expect(await sh(first, 'cat /data/file /mnt/hot/file')).toBe('kept\nwarm')

    // What was synced is there in the next VM of the pod.
    const both = () => host.run(first, ['cat', '/data/file', '/mnt/hot/file']).then(({ output }) => output === 'kept\nwarm\n', () => false)
    await sh(first, 'sync')
    const before = await host.processOf(first)
    process.kill(before ?? 0, 'SIGKILL')
    await until(() => host.report(first)?.phase !== 'Running')
    await until(async () => host.report(first)?.phase === 'Running' && isAttached(hot, first) && (await both()))
    expect([server.attachment(data, first)?.epoch, (await host.processOf(first)) === before]).toEqual([1, false])

    hot = { ...hot, attachments: [], detaching: [{ podUid: first.uid, forced: false }] }
    server.say(hot)
    await until(() => server.attachment(hot, first)?.phase === 'Detached')
    expect((await host.run(first, ['cat', '/mnt/hot/file'])).exitCode).not.toBe(0)

    // The pod goes, and its volume is given to the next one under the next epoch.
    apply()
    await ended(first)
    server.say({ ...data, attachments: [], detaching: [{ podUid: first.uid, forced: false }] })
    await until(() => server.attachment(data, first)?.phase === 'Detached')
    data = { ...data, epoch: 2, attachments: [], detaching: [] }
    const second = pod({ data, hot })
    data = server.attached(data, second, 'data')
    hot = server.attached({ ...hot, epoch: 2, detaching: [] }, second, 'hot')
    server.say(data, hot)
    apply(server.assigned(second, { data, hot }))
    await host.untilRunning(second)
    expect(await sh(second, 'cat /data/file /hot/file')).toBe('kept\nwarm')
    apply()
    await ended(second)
    for (const one of [data, hot]) {
      server.unsay(`volume/${one.uid}`)
      await until(() => told(one)?.phase === 'Gone')
      expect(told(one)?.epoch).toBe(2)
    }
  })

  it('grow, are limited, snapshotted in groups, cloned, brought back and forced away under a writer', async () => {
    const one = pod({})
    apply(one)
    await host.untilRunning(one)
    let [a, b] = await Promise.all([attachHot(one, server.volume(), '/a'), attachHot(one, server.volume(), '/b')])
    // The container's next process has them, too. A second end of one would wait out its back-off.
    await sh(one, 'echo before >/a/process; kill -TERM 1')
    await until(async () => host.report(one)?.containers[0]?.restartCount === 1 && (await host.run(one, ['sh', '-c', 'cat /a/process && grep -q " /b " /proc/mounts']).catch(() => null))?.output === 'before\n')
    await sh(one, 'cat >/tmp/writer <<"END"\ni=0; while [ ! -e /tmp/stop ]; do i=$((i+1)); echo $i >>/a/log || exit 1; sync; echo $i >>/b/log || exit 1; sync; done\nEND\nsh /tmp/writer >/tmp/out 2>&1 &')
    await until(async () => (await sh(one, 'cat /b/log 2>/dev/null || :')) !== '')

    // What is deleted leaves the store.
    await sh(one, 'dd if=/dev/urandom of=/b/large bs=1M count=32 conv=fsync 2>/dev/null')
    const storedOf = async (volume: HostVolume) => Number((await run('du', ['-s', '--block-size=1', join(folder, 'volumes', volume.uid)])).stdout.split('\t')[0])
    const large = await storedOf(b)
    await sh(one, 'rm /b/large; sync')
    await until(async () => (await storedOf(b)) < large - 24 * MiB)

    a = { ...a, sizeBytes: 128 * MiB, rates: { ...a.rates, bytesPerSecond: MiB } }
    server.say(a)
    await until(() => (told(a)?.sizeBytes ?? 0) === 128 * MiB && (server.attachment(a, one)?.fsBytes ?? 0) > 110 * MiB)
    const began = performance.now()
    await sh(one, 'dd if=/dev/zero of=/a/zeros bs=1M count=4 conv=fsync 2>/dev/null')
    expect(performance.now() - began).toBeGreaterThan(1_500)
    a = { ...a, rates: { ...a.rates, bytesPerSecond: null } }
    server.say(a)

    const group = randomUUID()
    const [sa, sb] = [server.snapshot(a, { group, groupSize: 2, freeze: true }), server.snapshot(b, { group, groupSize: 2, freeze: true })]
    server.say(sa, sb)
    for (const each of [sa, sb]) {
      // What it takes in its store is asked once it is known to be there.
      await until(() => server.report('snapshot', each.uid)?.sizeBytes !== undefined)
      expect(server.report('snapshot', each.uid)).toMatchObject({ phase: 'Ready', consistency: 'FilesystemConsistent', sizeBytes: each.sizeBytes, stallMs: expect.any(Number) as number, takenAt: expect.any(String) as string })
    }
    const loose = server.snapshot(a)
    server.say(loose)
    await until(() => server.report('snapshot', loose.uid)?.phase === 'Ready')
    expect(server.report('snapshot', loose.uid)).toMatchObject({ consistency: 'CrashConsistent' })
    const [ca, cb] = await Promise.all([attachHot(one, server.volume({ sizeBytes: 128 * MiB, origin: { kind: 'snapshot', snapshotUid: sa.uid }, formatted: true }), '/ca'), attachHot(one, server.volume({ origin: { kind: 'snapshot', snapshotUid: sb.uid }, formatted: true }), '/cb')])
    expect(told(ca)).toMatchObject({ parent: true, sizeBytes: 128 * MiB })
    const last = async (path: string) => Number(await sh(one, `tail -n 1 ${path}`))
    const [first, second] = [await last('/ca/log'), await last('/cb/log')]
    expect([first - second === 0 || first - second === 1, second > 0]).toEqual([true, true])
    expect(await sh(one, 'touch /tmp/stop; sleep 1; cat /tmp/out')).toBe('')
    expect(await last('/a/log')).toBeGreaterThan(first)

    // Of one on which nothing ever stood a copy is as blank, and is given a file system; what is not known to be blank is not.
    const idle = server.volume()
    const blank = server.snapshot(idle)
    server.say(idle, blank)
    await until(() => server.report('snapshot', blank.uid)?.phase === 'Ready')
    expect(server.report('snapshot', blank.uid)?.formatted).toBeNull()
    const fresh = await attachHot(one, server.volume({ origin: { kind: 'snapshot', snapshotUid: blank.uid, blank: true } }), '/fresh')
    expect([await sh(one, 'echo new >/fresh/file && cat /fresh/file'), told(fresh)?.formatted]).toEqual(['new', 'ext4'])
    const doubtful = server.attached(server.volume({ origin: { kind: 'snapshot', snapshotUid: blank.uid } }), one, 'doubtful', { mounts: [] })
    server.say(doubtful)
    await until(() => server.attachment(doubtful, one)?.reason === 'UnknownFilesystem')
    server.say({ ...doubtful, attachments: [], detaching: [{ podUid: one.uid, forced: false }] })

    // The files of an image come into one, out of the host's own images, and only once.
    await host.addImage('tests/files:1', [{ name: 'site/' }, { name: 'site/index', content: 'of the image' }])
    let files = await attachHot(one, server.volume({ populate: { reference: 'tests/files:1' } }), '/files')
    expect(await sh(one, 'cat /files/site/index && echo mine >/files/site/index')).toBe('of the image')
    await detachHot(one, files)
    files = await attachHot(one, { ...files, epoch: 2, attachments: [], detaching: [], formatted: true }, '/files')
    expect(await sh(one, 'cat /files/site/index')).toBe('mine')

    await detachHot(one, cb)
    cb.flatten = true
    server.say({ ...cb, attachments: [], detaching: [] })
    await until(() => told(cb)?.parent === false)
    // Who is in the way is told; by force it goes all the same.
    await sh(one, 'cd /ca && sleep 1000 >/dev/null 2>&1 &')
    server.say({ ...ca, attachments: [], detaching: [{ podUid: one.uid, forced: false }] })
    await until(() => server.attachment(ca, one)?.reason === 'Busy')
    expect(server.attachment(ca, one)?.message).toContain('sleep')
    server.say({ ...ca, attachments: [], detaching: [{ podUid: one.uid, forced: true }] })
    await until(() => server.attachment(ca, one)?.phase === 'Detached')

    await detachHot(one, a)
    a = { ...a, epoch: 2, attachments: [], detaching: [], revertTo: sa.uid }
    server.say(a)
    await until(() => told(a)?.revertedTo === sa.uid)
    a = await attachHot(one, { ...a, epoch: 3, revertTo: null }, '/again')
    expect(await last('/again/log')).toBe(first)
    for (const each of [sa, sb, loose]) {
      server.say({ ...each, state: 'remove' })
      await until(() => server.report('snapshot', each.uid)?.phase === 'Purged')
    }
    await detachHot(one, b)
    b = { ...b, epoch: 2, attachments: [], detaching: [], purge: true }
    server.say(b)
    await until(() => told(b)?.phase === 'Purged')
    expect(await last('/again/log')).toBe(first)
    apply()
    await ended(one)
  })

  it('have their pod stand still while a store is full, over a start of the agent, and nothing is lost', async () => {
    const small = join(folder, 'small')
    await mkdir(small)
    await run('mount', ['-t', 'tmpfs', '-o', 'size=160m,mode=700', 'tmpfs', small])
    const filler = join(small, 'filler')
    await run('fallocate', ['-l', '140M', filler])
    const storeUid = server.store(small, randomUUID())
    const one = pod({})
    apply(one)
    await host.untilRunning(one)
    const data = await attachHot(one, server.volume({ storeUid, sizeBytes: 96 * MiB }), '/data')
    await sh(one, '(head -c 41943040 /dev/urandom | tee /data/file | md5sum >/tmp/sum; sync; touch /tmp/done) >/dev/null 2>&1 &')
    const isPaused = () => server.attachment(data, one)?.paused === true
    await until(isPaused)
    expect(host.report(one)?.phase).toBe('Running')
    await expect(host.run(one, ['true'])).rejects.toMatchObject({ reason: 'VolumePaused', message: expect.stringContaining('has no room left') as string })
    const reopened = host.reopen()
    await rm(filler)
    await reopened
    server.connect()
    await until(() => server.attachment(data, one)?.phase === 'Attached' && !isPaused())
    await until(async () => (await host.run(one, ['test', '-e', '/tmp/done'])).exitCode === 0)
    // From the disk, and not from what the guest remembers.
    await detachHot(one, data)
    await attachHot(one, { ...data, attachments: [], epoch: 2 }, '/again')
    expect(await sh(one, 'wc -c </again/file; md5sum </again/file')).toBe(`41943040\n${await sh(one, 'cat /tmp/sum')}`)

    // Where its class says so the guest is told instead, goes on, and has what it was told is written once there is room.
    const fails = await attachHot(one, server.volume({ storeUid, sizeBytes: 96 * MiB, onFull: 'fail' }), '/fails')
    await sh(one, 'head -c 8388608 /dev/urandom >/fails/kept; sync; md5sum </fails/kept >/tmp/kept')
    const { bavail, bsize } = await statfs(small)
    await run('fallocate', ['-l', String(bavail * bsize - 4 * MiB), filler])
    const full = await host.run(one, ['sh', '-c', 'dd if=/dev/urandom of=/fails/more bs=1M count=48 conv=fsync'])
    expect([full.exitCode, full.output]).toEqual([1, expect.stringContaining('No space left on device')])
    expect([server.attachment(fails, one), host.report(one)?.phase]).toMatchObject([{ phase: 'Attached', paused: false }, 'Running'])
    // What its ext4 cannot write of its own journal ends all writes to it, also once there is room; that is told, with what to do.
    const rest = join(small, 'rest')
    await expect(run('dd', ['if=/dev/zero', `of=${rest}`, 'bs=4k'])).rejects.toThrow('No space left')
    const writes = () => host.run(one, ['sh', '-c', 'at=/fails/$(cat /proc/sys/kernel/random/uuid); mkdir $at && for i in $(seq 300); do echo $i >$at/$i || exit 1; done && sync']).then(({ exitCode }) => exitCode === 0)
    await until(async () => !(await writes()))
    await Promise.all([filler, rest].map((file) => rm(file)))
    await until(() => host.measure().then(() => server.attachment(fails, one)?.reason === 'FilesystemHalted'))
    expect([server.attachment(fails, one)?.message, await writes()]).toEqual([expect.stringContaining('Detach the volume and attach it again') as string, false])
    await detachHot(one, fails)
    expect(await onHost()).toEqual([])
    await attachHot(one, { ...fails, attachments: [], epoch: 2 }, '/whole')
    expect(await sh(one, 'md5sum </whole/kept; dd if=/dev/zero of=/whole/more bs=1M count=16 conv=fsync 2>/dev/null')).toBe(await sh(one, 'cat /tmp/kept'))
    expect(await onHost(), 'while they are attached').toEqual([])
    apply()
    await ended(one)
    for (const volume of [data, fails]) {
      server.unsay(`volume/${volume.uid}`)
      await until(() => told(volume)?.phase === 'Gone')
    }
    server.unsay(`store/${storeUid}`)
    expect(await onHost(), 'and after all').toEqual([])
  })
})
