import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { GuestKernel } from '@/host/hypervisor/machine'
import { sampleReference } from '@/host/images/sample/sample-image'
import { RealHost } from '@/host/pods/testing/real-host'
import { VolumeServer } from '@/host/volumes/testing/volume-server'
import { run } from '@/platform/exec'
import { BareVolume } from './bare-volume'
import { inTurn, timed, type Pair } from './in-turn'

const sizeBytes = 64 * 2 ** 20
const serial = 'vattach'

/** A pod that runs is given a volume with a file system, and has it taken away, again and again; by hand the same is done with a file and a QEMU. */
export async function measureAttach(folder: string, guest: GuestKernel, rounds: number, say: (line: string) => void): Promise<Pair> {
  const host = await RealHost.open()
  const bare = await BareVolume.start({ folder: await mkdtemp(join(folder, 'attach-')), guest, tbSizeMiB: 32 })
  try {
    const server = new VolumeServer(host, host.pod({}).tenantId)
    server.store(await mkdtemp(join(folder, 'store-')))
    const pod = host.pod({ containers: [{ name: 'main', image: sampleReference, command: ['sleep', '100000'] }] })
    host.apply([pod])
    await host.untilRunning(pod)
    const disk = server.volume()
    const image = { file: join(folder, 'attach.qcow2'), direct: true }
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', image.file, String(sizeBytes)])
    const pair: Pair = { volume: [], bare: [] }
    const until = async (phase: string) => {
      while (server.attachment(disk, pod)?.phase !== phase) await delay(2)
    }
    const volume = async () => {
      const took = await timed(async () => {
        server.say(server.attached(disk, pod, 'hot', { mounts: [] }))
        await until('Attached')
      })
      server.say({ ...disk, attachments: [], detaching: [{ podUid: pod.uid, forced: false }] })
      await until('Detached')
      return took
    }
    const plain = async () => {
      const took = await timed(async () => {
        await bare.plug(serial, image)
        await bare.shell.out(`D=$(await ${serial}); /sbin/e2fsck -p $D >/dev/null 2>&1; mkdir -p /data; mount -t ext4 -o noatime,nodev $D /data`)
      })
      await bare.shell.out('umount /data')
      await bare.unplug(serial)
      return took
    }
    // The first makes the file systems, and does not count.
    await volume()
    await bare.plug(serial, image)
    await bare.shell.out(`D=$(await ${serial}); /sbin/mke2fs -q -t ext4 -m 0 -E lazy_itable_init=1,lazy_journal_init=1,nodiscard $D >/dev/null 2>&1`)
    await bare.unplug(serial)
    for (let round = 0; round < rounds; round += 1) {
      await inTurn(round, pair, volume, plain)
      say(`attach ${round + 1} of ${rounds}: ${Math.round(pair.volume.at(-1) ?? 0)} ms against ${Math.round(pair.bare.at(-1) ?? 0)} ms`)
    }
    return pair
  } finally {
    await bare.stop()
    await host.close()
  }
}
