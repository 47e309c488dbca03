import { stat } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GuestClient } from '@/host/guest/client'
import type { VolumeDisks } from '@/host/guest/testing/volume-disks'
import { startVolumeGuest, type VolumeGuest } from '@/host/guest/testing/volume-guest'
import { mounted, volumeRequests } from '@/host/guest/testing/volume-requests'
import { anewOnRetry } from '@/tools/testing/anew'

const MiB = 1024 * 1024

const guests: VolumeGuest[] = []

async function boot(fsGroupAlways: boolean): Promise<VolumeGuest> {
  const guest = await startVolumeGuest({ fsGroup: 2000, ...(fsGroupAlways ? { fsGroupAlways } : {}), volumes: [{ name: 'third', medium: 'disk', sizeBytes: null }] })
  guests.push(guest)
  return guest
}

let client: GuestClient
let disks: VolumeDisks
const { attach, detach, shell } = volumeRequests(() => client)

const up = async () => {
  ;({ client, disks } = await boot(false))
}

const down = async () => {
  for (const guest of guests.splice(0)) await guest.close()
}

beforeAll(up)
anewOnRetry(down, up)
afterAll(down)

describe('the files of a volume', () => {
  it('of another group become the pod’s, all of them; where the root folder is the group’s already they are left as they are', async () => {
    await disks.make('vgroup', 32)
    await disks.plug('vgroup')
    await attach('third', 'vgroup')
    const run = async (script: string) => (await shell('grouped', script, { mounts: [mounted('third')], runAsUser: 0 })).out
    await run('mkdir -p /data/d/e; echo x >/data/d/e/f; ln -s /etc/passwd /data/d/link; chgrp -hR 5 /data; chmod 700 /data/d /data/d/e; chmod 600 /data/d/e/f')
    await detach('third')
    await attach('third', 'vgroup', { format: false })
    expect(await run('stat -c "%g %a" /data /data/d /data/d/e /data/d/e/f; stat -c %g /data/d/link; stat -c "%g" /etc/passwd; chgrp 5 /data/d/e/f')).toBe('2000 2775\n2000 2770\n2000 2770\n2000 660\n2000\n0\n')
    await detach('third')
    await attach('third', 'vgroup', { format: false })
    expect(await run('stat -c %g /data/d/e/f')).toBe('5\n')
    await detach('third')
    await disks.unplug('vgroup')
  })

  it('that are deleted give back what they leave, where that is asked for', async () => {
    const stored = async (serial: string) => (await stat(disks.path(serial))).blocks * 512
    for (const [serial, fsType, discard] of [['vkeeps', 'ext4', false], ['vgives', 'ext4', true], ['xgives', 'xfs', true]] as const) {
      await disks.make(serial, 320)
      await disks.plug(serial)
      await attach('third', serial, { fsType, discard })
      await shell('full', 'dd if=/dev/urandom of=/data/file bs=1M count=48 conv=fsync', { mounts: [mounted('third')] })
      const before = await stored(serial)
      await shell('full', 'rm /data/file; sync', { mounts: [mounted('third')] })
      if (discard) await expect.poll(() => stored(serial)).toBeLessThan(before - 40 * MiB)
      else expect(await stored(serial)).toBeGreaterThan(before - 8 * MiB)
      await detach('third')
      await disks.unplug(serial)
    }
  })

  it('become the pod’s with each attach, where it says always', async () => {
    const always = await boot(true)
    const asked = volumeRequests(() => always.client)
    await always.disks.make('valways', 32)
    await always.disks.plug('valways')
    await asked.attach('third', 'valways')
    const run = async (script: string) => (await asked.shell('grouped', script, { mounts: [mounted('third')], runAsUser: 0 })).out
    await run('echo x >/data/f; chgrp 5 /data/f')
    await asked.detach('third')
    await asked.attach('third', 'valways', { format: false })
    expect(await run('stat -c "%g %a" /data/f')).toBe('2000 664\n')
  })
})
