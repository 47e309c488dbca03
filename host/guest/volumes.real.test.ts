import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makingMark, tailOffset } from '@/guest/volumes/layout'
import { GuestClient } from '@/host/guest/client'
import { GuestRequestError } from '@/host/guest/errors'
import { startRequest } from '@/host/guest/testing/requests'
import type { VolumeDisks } from '@/host/guest/testing/volume-disks'
import { startVolumeGuest, type VolumeGuest } from '@/host/guest/testing/volume-guest'
import { answerMs, mounted, volumeRequests } from '@/host/guest/testing/volume-requests'
import { run } from '@/platform/exec'
import { anewOnRetry } from '@/tools/testing/anew'

const MiB = 1024 * 1024

let guest: VolumeGuest
let client: GuestClient
let disks: VolumeDisks

const { attach, detach, shell, sleeper, inside, staying } = volumeRequests(() => client)
const patch = (serial: string, offset: number, bytes: string | Buffer) => disks.patch(serial, offset, bytes)
const digest = (serial: string) => disks.digest(serial)

const up = async () => {
  const volumes = ['data', 'other', 'third'].map((name) => ({ name, medium: 'disk' as const, sizeBytes: null }))
  guest = await startVolumeGuest({ fsGroup: 2000, volumes: [...volumes, { name: 'memory', medium: 'memory', sizeBytes: MiB }] })
  ;({ client, disks } = guest)
}

const down = () => guest?.close()

beforeAll(up)
anewOnRetry(down, up)
afterAll(down)

describe('a volume', () => {
  it('that is blank gets a file system once, keeps what is written, and is found by its serial whatever came first', async () => {
    await expect(shell('early', 'true', { mounts: [mounted('data')] })).rejects.toMatchObject({ code: 'Conflict', object: 'data' })
    await Promise.all([disks.make('va', 64), disks.make('vb', 32)])
    await disks.plug('va')
    await disks.plug('vb')
    const first = await Promise.all([attach('data', 'va'), attach('other', 'vb')])
    for (const result of first) expect(result).toMatchObject({ fsType: 'ext4', formatted: true, checked: 'clean' })
    expect(first[0].fsBytes).toBeGreaterThan(50 * MiB)
    expect(first[1].fsBytes).toBeLessThan(32 * MiB)
    expect(await attach('data', 'va')).toMatchObject({ device: first[0].device, formatted: false, checked: null })
    await expect(attach('data', 'vb')).rejects.toMatchObject({ code: 'Conflict', object: 'data' })
    const { out } = await shell('writer', 'echo one >/data/name; mkdir /data/part; echo within >/data/part/file; stat -c "%g %a" /data; id -G', { mounts: [mounted('data')], runAsUser: 0 })
    expect(out).toMatch(/^2000 2775\n.*2000/)
    await shell('writer', 'echo two >/data/name', { mounts: [mounted('other')] })
    expect((await shell('reader', 'cat /data/file', { mounts: [mounted('data', 'part')] })).out).toBe('within\n')
    // Either of the two may have come first.
    expect((await client.stats()).disks?.map(({ name, fsBytes, usedBytes }) => [name, fsBytes > usedBytes && usedBytes > 0]).sort()).toEqual([['data', true], ['other', true]])
    for (const [volume, serial] of [['data', 'va'], ['other', 'vb']] as const) {
      await detach(volume)
      await disks.unplug(serial)
    }
    await detach('data')
    expect([await disks.read('va', '/name'), await disks.read('vb', '/name')]).toEqual(['one\n', 'two\n'])
    await disks.plug('vb')
    await disks.plug('va')
    const again = await Promise.all([attach('other', 'vb', { format: false }), attach('data', 'va', { format: false })])
    for (const result of again) expect(result).toMatchObject({ formatted: false, checked: 'clean' })
    expect((await shell('reader', 'cat /data/name', { mounts: [mounted('data')] })).out).toBe('one\n')
    await detach('other')
    await disks.unplug('vb')
  })
})

/** Of what the first test left. */
describe('a volume', () => {
  const use = () => sleeper('busy', { mounts: [mounted('data')] })
  beforeAll(use)
  anewOnRetry(() => {}, async () => {
    for (const [volume, serial, mebibytes, name] of [['data', 'va', 64, 'one'], ['other', 'vb', 32, 'two']] as const) {
      await disks.plugNew(serial, mebibytes)
      await attach(volume, serial)
      await shell('writer', `echo ${name} >/data/name`, { mounts: [mounted(volume)] })
    }
    await detach('other')
    await disks.unplug('vb')
    await use()
  })

  it('of which a copy is taken while it is written shows a reader all that is on the disk, or nothing: never what is older', async () => {
    const reads = () => shell('reader', 'cat /data/name /data/new/kept; touch /data/x', { mounts: [mounted('third')] })
    expect(await inside('busy', 'mkdir /data/new; echo kept >/data/new/kept; sync')).toMatchObject({ exitCode: 0 })
    await disks.make('vcopy', 64, 'va')
    const before = await digest('vcopy')
    await disks.plug('vcopy', true)
    await expect(attach('third', 'vcopy', { readOnly: true, format: false })).rejects.toMatchObject({ code: 'Conflict', object: 'vcopy', message: expect.stringMatching(/was not unmounted.*journal.*Attach it for writing once/s) as string })
    await disks.unplug('vcopy')
    expect(await digest('vcopy')).toBe(before)
    // What the writes go to may be full: no word of the volume's own.
    await disks.plugFailing('vcopy')
    const refusal = () => attach('third', 'vcopy', { readOnly: true, format: false }).then(() => 'mounted', (error: unknown) => error instanceof GuestRequestError ? `${error.code}: ${error.message}` : 'something else')
    await expect.poll(refusal).toMatch(/^Unavailable: .*could not be replayed.*tried again.*attach the volume for writing/s)
    await disks.unplug('vcopy')
    expect(await digest('vcopy')).toBe(before)
    // Where the host lets the disk be written, its journal is replayed, and nothing else is changed.
    await disks.plug('vcopy')
    expect(await attach('third', 'vcopy', { readOnly: true, format: false })).toMatchObject({ formatted: false, checked: null })
    expect(await reads()).toMatchObject({ out: 'one\nkept\n', exitCode: 1 })
    await detach('third')
    await disks.unplug('vcopy')
    const replayed = await digest('vcopy')
    await disks.plug('vcopy', true)
    await attach('third', 'vcopy', { readOnly: true, format: false })
    expect(await reads()).toMatchObject({ out: 'one\nkept\n', exitCode: 1 })
    await detach('third')
    await disks.unplug('vcopy')
    expect(await digest('vcopy')).toBe(replayed)
  })

  it('grows under a writer, and when its disk has grown while nobody had it', async () => {
    const writing = inside('busy', 'for i in $(seq 200); do echo $i >>/data/counted || exit 1; done; wc -l </data/counted')
    await disks.grow('va', 128)
    await expect.poll(() => client.volumes.grow('data', answerMs)).toBeGreaterThan(110 * MiB)
    expect(await writing).toMatchObject({ exitCode: 0, out: '200\n' })
    await disks.make('vb', 96, 'vb')
    await disks.plug('vb')
    expect((await attach('other', 'vb', { format: false })).fsBytes).toBeGreaterThan(85 * MiB)
    await detach('other')
    await disks.unplug('vb')
    expect((await run('/sbin/e2fsck', ['-f', '-n', disks.path('vb')])).stdout).not.toMatch(/error|Fix/i)
  })

  it('stands still while it is frozen, and is thawed by the host, by time and when the host has gone', async () => {
    const { stdout, stderr } = await client.startContainer(startRequest('ticker', ['sh', '-c', 'while :; do date >>/data/ticks; sync; done'], { mounts: [mounted('data')] }))
    stdout.resume()
    stderr.resume()
    const ticks = async () => (await inside('busy', 'wc -l </data/ticks')).out
    await expect.poll(ticks).not.toBe('')
    expect(await client.volumes.freeze({ volumes: ['data'], timeoutMilliseconds: 10_000 })).toEqual(['data'])
    await expect(client.volumes.freeze({ volumes: ['data'], timeoutMilliseconds: 1000 })).rejects.toMatchObject({ code: 'Conflict', object: 'data' })
    await client.volumes.thaw(['data'])
    const thawed = await ticks()
    await expect.poll(ticks).not.toBe(thawed)
    await client.volumes.freeze({ volumes: ['data'], timeoutMilliseconds: 1 }).catch((error: unknown) => expect(error).toMatchObject({ code: 'Busy' }))
    const byTime = await ticks()
    await expect.poll(ticks).not.toBe(byTime)
    await client.volumes.freeze({ volumes: ['data'], timeoutMilliseconds: 10_000 })
    const frozen = await digest('va')
    await inside('busy', 'true')
    expect(await digest('va')).toBe(frozen)
    client.close()
    client = guest.client = await GuestClient.connect(guest.machine.socketPath)
    for (const container of ['busy', 'ticker']) {
      client.containerStreams(container)?.stdout.resume()
      client.containerStreams(container)?.stderr.resume()
    }
    // Long before its time.
    expect(await client.volumes.freeze({ volumes: ['data'], timeoutMilliseconds: 1000 })).toEqual(['data'])
    await expect.poll(() => digest('va')).not.toBe(frozen)
    for (const container of ['busy', 'ticker']) await client.removeContainer(container)
    await expect(client.volumes.freeze({ volumes: ['memory'], timeoutMilliseconds: 1000 })).rejects.toMatchObject({ code: 'Conflict', object: 'memory' })
    await detach('data')
    await disks.unplug('va')
  })
})

describe('a volume', () => {
  it('has xfs where it shall, also on a bus of SCSI, and grows there; a clone of it is no other file system to the kernel', async () => {
    await disks.make('sx', 320)
    await disks.plugScsi('sx')
    expect(await attach('third', 'sx', { fsType: 'xfs' })).toMatchObject({ fsType: 'xfs', formatted: true, checked: 'clean', device: expect.stringMatching(/^\/dev\/sd/) as string })
    await shell('writer', 'echo kept >/data/name; sync', { mounts: [mounted('third')] })
    await disks.make('sy', 352, 'sx')
    await disks.plug('sy', true)
    await expect(attach('other', 'sy', { fsType: 'xfs', format: false, readOnly: true })).rejects.toMatchObject({ code: 'Conflict', message: expect.stringContaining('was not unmounted') as string })
    await disks.unplug('sy')
    await disks.make('sz', 320, 'sx')
    await disks.plug('sz')
    await attach('other', 'sz', { fsType: 'xfs', format: false, readOnly: true })
    expect(await shell('reader', 'cat /data/name; touch /data/x', { mounts: [mounted('other')] })).toMatchObject({ out: 'kept\n', exitCode: 1 })
    await detach('other')
    await disks.unplug('sz')
    await disks.plug('sy')
    expect((await attach('other', 'sy', { fsType: 'xfs', format: false })).fsBytes).toBeGreaterThan(260 * MiB)
    expect((await shell('reader', 'cat /data/name; stat -c %g:%a /data', { mounts: [mounted('other')] })).out).toBe('kept\n2000:2775\n')
    await detach('other')
    await disks.unplug('sy')
    await disks.grow('sx', 384)
    await expect.poll(() => client.volumes.grow('third', answerMs)).toBeGreaterThan(300 * MiB)
    await expect(attach('other', 'sx', { fsType: 'ext4' })).rejects.toMatchObject({ code: 'FilesystemMismatch' })
    await detach('third')
    await disks.unplug('sx')
  })

  it('that was half made is made anew; whatever else it holds stays as it is and is told', async () => {
    await disks.make('vhalf', 16)
    await patch('vhalf', 4096, 'inode tables of a first try')
    await patch('vhalf', tailOffset(16 * MiB), makingMark)
    await disks.plug('vhalf')
    await expect(attach('third', 'vhalf', { format: false })).rejects.toMatchObject({ code: 'FilesystemDamaged' })
    expect(await attach('third', 'vhalf')).toMatchObject({ formatted: true })
    await detach('third')
    await disks.unplug('vhalf')
    const cases = [
      { serial: 'vxfs', offset: 0, bytes: 'XFSB', code: 'FilesystemMismatch', says: 'xfs' },
      { serial: 'vluks', offset: 0, bytes: Buffer.from('LUKS\xba\xbe', 'latin1'), code: 'UnknownFilesystem', says: 'LUKS' },
      { serial: 'vdata', offset: 700_001, bytes: 'bytes of somebody', code: 'UnknownFilesystem', says: 'holds data' },
      { serial: 'vend', offset: 16 * MiB - 2, bytes: 'x', code: 'UnknownFilesystem', says: 'holds data' },
    ]
    const before = await Promise.all(cases.map(async ({ serial, offset, bytes }) => {
      await disks.make(serial, 16)
      await patch(serial, offset, bytes)
      await disks.plug(serial)
      return digest(serial)
    }))
    for (const { serial, code, says } of cases) await expect(attach('third', serial), serial).rejects.toMatchObject({ code, message: expect.stringContaining(says) as string, object: serial })
    await Promise.all(cases.map(({ serial }) => disks.unplug(serial)))
    expect(await Promise.all(cases.map(({ serial }) => digest(serial)))).toEqual(before)
    await disks.plugNew('vblank', 16)
    await expect(attach('third', 'vblank', { format: false })).rejects.toMatchObject({ code: 'FilesystemDamaged', message: expect.stringContaining('is blank') as string })
    await expect(attach('third', 'vblank', { readOnly: true })).rejects.toMatchObject({ code: 'UnknownFilesystem' })
    await expect(attach('third', 'vnowhere')).rejects.toMatchObject({ code: 'DiskNotFound', object: 'vnowhere' })
    await disks.unplug('vblank')
  })

  it('is filled with the files of an image once, and begun anew where that was cut off or did not fit', async () => {
    const root = await mkdtemp(join(tmpdir(), 'image-'))
    try {
      await mkdir(join(root, 'etc'))
      await writeFile(join(root, 'etc/name'), 'of the image\n')
      await symlink('etc/name', join(root, 'link'))
      await writeFile(join(root, 'large'), randomBytes(20 * MiB))
      await run('mksquashfs', [root, disks.path('img'), '-quiet', '-no-progress', '-all-root'])
    } finally {
      await rm(root, { recursive: true })
    }
    await disks.plug('img')
    const populate = { serial: 'img' }
    await disks.plugNew('vsmall', 16)
    await expect(attach('third', 'vsmall', { populate })).rejects.toMatchObject({ code: 'NoSpace', message: expect.stringContaining('make the volume larger') as string })
    await disks.plugNew('vfull', 64)
    const filled = await attach('third', 'vfull', { populate })
    expect([filled.formatted, filled.usedBytes > 20 * MiB]).toEqual([true, true])
    const look = async () => (await shell('reader', 'cat /data/link; ls -a /data | sort | tr "\\n" " "; stat -c " %g:%a" /data', { mounts: [mounted('third')] })).out
    const whole = 'of the image\n. .. etc large link lost+found  2000:2770\n'
    expect(await look()).toBe(whole)
    // What was written since stays; what says of itself that it was cut off does not.
    await shell('writer', 'echo since >/data/since', { mounts: [mounted('third')] })
    await detach('third')
    await attach('third', 'vfull', { populate })
    expect((await shell('reader', 'cat /data/since', { mounts: [mounted('third')] })).out).toBe('since\n')
    await shell('writer', 'mkdir /data/.hypernetes-populating; rm -r /data/etc', { mounts: [mounted('third')] })
    await detach('third')
    await attach('third', 'vfull', { populate })
    expect(await look()).toBe(whole)
    await detach('third')
    for (const serial of ['vfull', 'vsmall', 'img']) await disks.unplug(serial)
  })

  it('of which bytes were lost that a program wrote says so when it is detached, also after it was in use, and only then', async () => {
    await disks.plugNew('vlost', 64)
    await attach('third', 'vlost')
    await shell('writer', 'echo first >/data/name', { mounts: [mounted('third')] })
    expect(await detach('third')).toEqual({})
    await disks.unplug('vlost')
    await disks.plugLosing('vlost', await disks.sectorOf('vlost', '/name'))
    await attach('third', 'vlost', { format: false })
    await sleeper('loser', { mounts: [mounted('third')] })
    await staying('loser', 'exec 5<>/data/name && echo later >&5')
    await expect(detach('third')).rejects.toMatchObject({ code: 'Busy' })
    await client.removeContainer('loser')
    expect(await detach('third')).toEqual({ notWritten: expect.stringContaining('Input/output error') as string })
    await disks.unplug('vlost')
    expect(await detach('third')).toEqual({})
  })

  it('is refused where it is not known how', async () => {
    await disks.plugNew('vnew', 16)
    await expect(attach('third', 'vnew', { fsType: 'xfs' })).rejects.toMatchObject({ code: 'InvalidRequest', message: expect.stringContaining('an xfs needs a volume of 301 MiB') as string })
    await expect(attach('memory', 'vnew')).rejects.toMatchObject({ code: 'AlreadyExists', object: 'memory' })
    await expect(client.volumes.grow('third', answerMs)).rejects.toMatchObject({ code: 'Conflict', object: 'third' })
    await attach('third', 'vnew')
    await client.shutdown(0)
    await guest.machine.ended
    // It was unmounted: nothing is left for the journal.
    expect((await run('/sbin/dumpe2fs', ['-h', disks.path('vnew')])).stdout).not.toContain('needs_recovery')
  })
})
