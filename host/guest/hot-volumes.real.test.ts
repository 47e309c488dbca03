import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GuestClient } from '@/host/guest/client'
import type { VolumeDisks } from '@/host/guest/testing/volume-disks'
import { startVolumeGuest, type VolumeGuest } from '@/host/guest/testing/volume-guest'
import { volumeRequests } from '@/host/guest/testing/volume-requests'
import { anewOnRetry } from '@/tools/testing/anew'

let guest: VolumeGuest
let client: GuestClient
let disks: VolumeDisks

const { attach, detach, shell, sleeper, inside, staying } = volumeRequests(() => client)

const up = async () => {
  guest = await startVolumeGuest({ volumes: [{ name: 'third', medium: 'disk', sizeBytes: null }, { name: 'memory', medium: 'memory', sizeBytes: 1024 * 1024 }] })
  ;({ client, disks } = guest)
}

const down = () => guest?.close()

beforeAll(up)
anewOnRetry(down, up)
afterAll(down)

describe('a volume', () => {
  it('comes into a container that runs, as a whole and in part, and leaves it', async () => {
    await disks.plugNew('vb', 32)
    await sleeper('busy')
    const { device } = await attach('hot-b', 'vb')
    const hot = (path: string, subPath = '', readOnly = false) => client.volumes.mount({ container: 'busy', volume: 'hot-b', path, subPath, readOnly })
    await hot('/hot/all')
    await hot('/hot/all')
    await inside('busy', 'echo two >/hot/all/name')
    await hot('/hot/part', 'new/deep')
    await hot('/hot/read', '', true)
    const { out } = await inside('busy', 'cat /hot/all/name; echo via >/hot/part/file; cat /hot/all/new/deep/file; touch /hot/read/x || echo refused; grep -c " /hot/" /proc/mounts; df /hot/all | tail -n 1 | cut -d " " -f 1; ln -s /etc /hot/all/out')
    expect(out).toBe(`two\nvia\nrefused\n4\n${device}\n`)
    await expect(hot('/hot/out', 'out')).rejects.toMatchObject({ code: 'InvalidRequest' })
    await expect(hot('/etc/passwd/x')).rejects.toMatchObject({ code: 'InvalidRequest', object: '/etc/passwd/x' })
    await inside('busy', 'ln -s /proc /link; ln -s /dev /devices; ln -s /dev/shm /shared')
    for (const [path, to] of [['/link', '/proc'], ['/proc/1', '/proc/1'], ['/devices/new', '/dev/new'], ['/etc/kernel', '/proc']] as const) await expect(hot(path)).rejects.toMatchObject({ code: 'InvalidRequest', object: path, message: expect.stringContaining(`leads from there to ${to}, where the kernel`) as string })
    await hot('/shared/part')
    expect((await inside('busy', 'cat /dev/shm/part/name; ls -d /dev/new 2>&1; ls /proc/self/setgroups')).out).toContain('two\nls: /dev/new: No such file or directory\n/proc/self/setgroups\n')
    const unmount = (path: string, force = false) => client.volumes.unmount({ container: 'busy', path, force })
    await unmount('/shared/part')
    await unmount('/hot/part')
    await unmount('/hot/part')
    await staying('busy', 'cd /hot/read')
    await expect(unmount('/hot/read')).rejects.toMatchObject({ code: 'Busy', message: expect.stringMatching(/sleep \(process \d+ in container busy\)/) as string })
    await expect(detach('hot-b')).rejects.toMatchObject({ code: 'Busy', object: 'hot-b' })
    expect((await inside('busy', 'cat /hot/all/name')).out).toBe('two\n')
    await detach('hot-b', true)
    expect((await inside('busy', 'grep -c " /hot/" /proc/mounts; ls /hot/all | wc -l')).out).toBe('0\n0\n')
    await client.removeContainer('busy')
    await disks.unplug('vb')
    expect(await disks.read('vb', '/new/deep/file')).toBe('via\n')
  })

  it('is not taken out while a process has it mounted in a namespace of its own, which is named, unless by force', async () => {
    await disks.plugNew('vspace', 16)
    await attach('third', 'vspace')
    await sleeper('mounter', { mounts: [{ volume: 'third', path: '/data', readOnly: false, subPath: '' }], capabilities: { add: ['SYS_ADMIN'], drop: [] } })
    await staying('mounter', 'exec unshare -m sh -c "echo here && exec sleep 3600"')
    const refused = { code: 'Busy', object: 'third', message: expect.stringMatching(/sleep \(process \d+ in container mounter\), mounted in a namespace of its own/) as string }
    await expect(detach('third')).rejects.toMatchObject(refused)
    // Nothing was changed by that.
    expect(await inside('mounter', 'echo kept >/data/name && cat /data/name')).toMatchObject({ out: 'kept\n', exitCode: 0 })
    await detach('third', true)
    await client.removeContainer('mounter')
    // Where a container's mounts are shared, those of its services go with them.
    await attach('third', 'vspace', { format: false })
    await sleeper('system', { mounts: [{ volume: 'third', path: '/data', readOnly: false, subPath: '' }], capabilities: { add: ['SYS_ADMIN'], drop: [] } })
    await staying('system', 'mount --make-rshared / && exec unshare -m --propagation slave sh -c "echo here && exec sleep 3600"')
    await detach('third')
    await client.removeContainer('system')
    await disks.unplug('vspace')
    expect(await disks.read('vspace', '/name')).toBe('kept\n')
  })

  it('is not in a container whose links lead it over the kernel\'s folders', async () => {
    const at = (path: string) => ({ volume: 'memory', path, readOnly: false, subPath: '' })
    await shell('linker', 'ln -s ../proc/self /mem/up; ln -s /dev/shm /mem/shared; ln -s /dev /mem/devices', { mounts: [at('/mem')] })
    const start = (path: string) => shell('reader', 'ls', { mounts: [at('/mem'), { ...at(path), volume: 'third' }] })
    await disks.plugNew('vlink', 16)
    await attach('third', 'vlink')
    for (const [path, to] of [['/etc/kernel/x', '/proc/x'], ['/mem/up', '/proc/self'], ['/mem/devices/x', '/dev/x']] as const) await expect(start(path)).rejects.toMatchObject({ code: 'InvalidRequest', object: path, message: expect.stringContaining(`leads from there to ${to}, where the kernel`) as string })
    expect(await start('/mem/shared/x')).toMatchObject({ exitCode: 0 })
    // What lives in the VM alone may be below /sys and /dev.
    const memoryAt = (path: string) => shell('reader', 'ls /dev/x | grep -x up', { mounts: [at('/mem'), at(path)] })
    expect(await memoryAt('/mem/devices/x')).toMatchObject({ exitCode: 0 })
    await expect(memoryAt('/mem/up')).rejects.toMatchObject({ code: 'InvalidRequest', message: expect.stringContaining('leads from there to /proc/self') as string })
    await detach('third')
    await disks.unplug('vlink')
  })
})
