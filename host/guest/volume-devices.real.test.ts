import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GuestClient } from '@/host/guest/client'
import type { VolumeDisks } from '@/host/guest/testing/volume-disks'
import { startVolumeGuest, type VolumeGuest } from '@/host/guest/testing/volume-guest'
import { mounted, volumeRequests } from '@/host/guest/testing/volume-requests'
import { run } from '@/platform/exec'
import { anewOnRetry } from '@/tools/testing/anew'

const MiB = 1024 * 1024

let guest: VolumeGuest
let client: GuestClient
let disks: VolumeDisks

const { attach, detach, shell, sleeper, inside, staying } = volumeRequests(() => client)

const up = async () => {
  guest = await startVolumeGuest({ fsGroup: 2000, volumes: [{ name: 'data', medium: 'disk', sizeBytes: null }] })
  ;({ client, disks } = guest)
}

const down = () => guest?.close()

beforeAll(up)
anewOnRetry(down, up)
afterAll(down)

describe('a volume', () => {
  it('that is a block device comes into containers that run, and is taken from them once nobody has it open', async () => {
    await disks.make('raw', 16)
    await disks.plug('raw')
    await attach('hot-raw', 'raw', { mode: 'block' })
    await sleeper('one')
    await sleeper('two', { readOnlyRoot: true })
    const add = (container: string, path: string) => client.volumes.addDevice({ container, volume: 'hot-raw', path })
    await add('one', '/dev/data')
    await add('one', '/dev/data')
    await inside('one', 'mkdir -p /srv /dev/disks; ln -s /dev/disks /srv/link')
    await add('one', '/srv/link/deep/data')
    await add('two', '/dev/data')
    expect((await inside('one', 'stat -c "%a %u %g %F" /dev/data /dev/disks/deep/data; echo mine | dd of=/dev/data seek=3 conv=notrunc,fsync 2>/dev/null')).out).toBe('660 0 2000 block special file\n'.repeat(2))
    expect((await inside('two', 'dd if=/dev/data skip=3 count=1 2>/dev/null | head -c 5')).out).toBe('mine\n')
    for (const [container, path, says] of [['one', '/etc/passwd', 'something else there'], ['one', '/etc/passwd/x', 'no such folder'], ['two', '/srv/data', 'Choose a path below /dev'], ['two', '/proc/data', 'Choose a path below /dev']] as const) await expect(add(container, path)).rejects.toMatchObject({ code: 'InvalidRequest', message: expect.stringContaining(says) as string, object: path })
    await expect(client.volumes.mount({ container: 'one', volume: 'hot-raw', path: '/data', subPath: '', readOnly: false })).rejects.toMatchObject({ code: 'InvalidRequest', object: 'hot-raw' })
    // Of a next process of the container nothing is there before it is given it, too.
    await client.removeContainer('two')
    await sleeper('two')
    expect((await inside('two', 'ls /dev/data')).exitCode).toBe(1)
    await add('two', '/dev/data')
    await staying('two', 'exec 5</dev/data')
    await expect(detach('hot-raw')).rejects.toMatchObject({ code: 'Busy', object: 'hot-raw', message: expect.stringMatching(/sleep \(process \d+ in container two\)/) as string })
    await expect(client.volumes.unmount({ container: 'one', path: '/dev/data', force: false })).rejects.toMatchObject({ code: 'Busy' })
    const nodes = (container: string) => inside(container, 'cat /dev/data | wc -c; ls /dev/disks/deep').then(({ out }) => out)
    expect([await nodes('one'), await nodes('two')]).toEqual([`${16 * MiB}\ndata\n`, `${16 * MiB}\n`])
    // Nothing is left of how they were made, and whoever swaps the node for something else of his own meanwhile gains nothing.
    expect((await inside('one', 'ls -a /dev /dev/disks/deep | grep hypernetes')).exitCode).toBe(1)
    await inside('one', 'mkdir -m 777 /dev/open; echo secret >/secret; chmod 600 /secret')
    await inside('one', 'touch /racing; (while [ -e /racing ]; do if [ -b /dev/open/data ]; then rm -f /dev/open/data; ln -s /secret /dev/open/data; rm -f /dev/open/data; mkfifo /dev/open/data; rm -f /dev/open/data; fi; done) >/dev/null 2>&1 &')
    for (let i = 0; i < 20; i += 1) await add('one', '/dev/open/data').catch(() => {})
    expect((await inside('one', 'rm /racing; stat -c "%a %u %g" /secret')).out).toBe('600 0 0\n')
    await client.volumes.unmount({ container: 'one', path: '/dev/data', force: true })
    expect(await nodes('one')).toBe('0\ndata\n')
    await inside('one', 'rm /dev/disks/deep/data; echo own >/dev/disks/deep/data')
    await detach('hot-raw', true)
    expect([(await inside('one', 'cat /dev/disks/deep/data')).out, await nodes('two')]).toEqual(['own\n', '0\n'])
    await disks.unplug('raw')
    expect((await readFile(disks.path('raw'))).subarray(3 * 512, 3 * 512 + 5).toString()).toBe('mine\n')
    await disks.plug('raw')
    await attach('hot-raw', 'raw', { mode: 'block', readOnly: true })
    await add('one', '/dev/data')
    expect((await inside('one', 'stat -c %a /dev/data; echo x | dd of=/dev/data conv=notrunc,fsync 2>/dev/null || echo refused')).out).toBe('440\nrefused\n')
    await detach('hot-raw')
    expect(await nodes('one')).toBe('0\ndata\n')
    for (const name of ['one', 'two']) await client.removeContainer(name)
    await disks.unplug('raw')
  })

  it('that is damaged is told and not mounted, and can be read and repaired as a block device', async () => {
    await disks.make('va', 64)
    await disks.plug('va')
    await attach('data', 'va')
    await detach('data')
    await disks.unplug('va')
    // Without its root folder, and once more as the kernel leaves one in which it has found errors.
    await run('/sbin/debugfs', ['-w', '-R', 'clri <2>', disks.path('va')])
    await disks.plug('va')
    await expect(attach('data', 'va', { format: false })).rejects.toMatchObject({ code: 'FilesystemDamaged', message: expect.stringContaining('cannot be mounted') as string, object: 'va' })
    await disks.unplug('va')
    await run('/sbin/debugfs', ['-w', '-R', 'ssv state 2', disks.path('va')])
    await disks.plug('va')
    await expect(attach('data', 'va', { format: false })).rejects.toMatchObject({ code: 'FilesystemDamaged', message: expect.stringMatching(/INCONSISTENCY.*volumeMode: Block/s) as string, object: 'va' })
    await expect(shell('reader', 'true', { mounts: [mounted('data')] })).rejects.toMatchObject({ code: 'Conflict' })
    expect(await attach('data', 'va', { mode: 'block' })).toMatchObject({ fsType: null, formatted: false, checked: null })
    await expect(shell('reader', 'true', { mounts: [mounted('data')] })).rejects.toMatchObject({ code: 'InvalidRequest', object: 'data' })
    await sleeper('raw', { devices: [{ volume: 'data', path: '/dev/disk' }], user: 'app' })
    const { out } = await inside('raw', 'stat -c "%a %u %g" /dev/disk; dd if=/dev/disk bs=1 skip=1080 count=2 2>/dev/null | md5sum; echo mine | dd of=/dev/disk seek=3 conv=notrunc 2>&1 | head -1')
    expect(out).toBe(`660 0 2000\n${createHash('md5').update(Buffer.from([0x53, 0xef])).digest('hex')}  -\n0+1 records in\n`)
    await staying('raw', 'exec 5</dev/disk')
    await expect(detach('data')).rejects.toMatchObject({ code: 'Busy', message: expect.stringContaining('in container raw') as string })
    await client.removeContainer('raw')
    await detach('data')
    await disks.unplug('va')
    expect((await readFile(disks.path('va'))).subarray(3 * 512, 3 * 512 + 5).toString()).toBe('mine\n')
  })
})
