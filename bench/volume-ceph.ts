import { randomUUID } from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { Lab } from '@/host/network/testing/lab'
import { StorageNamespace } from '@/host/network/storage-namespace'
import { serialOf } from '@/host/volumes/open-image'
import { volumeImage } from '@/host/volumes/rbd/rbd-place'
import { RbdStore } from '@/host/volumes/rbd/rbd-store'
import { plugVolume, type ShellVms } from '@/host/volumes/testing/acknowledged-writer'
import { TestCeph, testPool } from '@/host/volumes/testing/ceph'
import { GuestShell, shellGuest } from '@/host/hypervisor/testing/shell-guest'
import { BareVolume } from './bare-volume'
import { fillDisk, fioSerial, requests, takeFio, throughput } from './fio'
import type { Pair } from './in-turn'
import { measureSpeed, type Disk, type Speed } from './volume-speed'
import { measureStall } from './volume-stall'

const MiB = 2 ** 20
const sizeBytes = 512 * MiB
const namespace = 'b'.repeat(32)
const ends = { there: '198.51.100.2', here: '198.51.100.1' }

/** `apart`: the bare QEMU is in a control group of its own, as ours is. `together`: it is where the cluster is, whose threads and its own take turns as one's. */
export type CephSpeed = { apart: Speed[]; together: Speed[]; /** The longest gap of a writer around a snapshot, against `rbd snap create` of the image of the bare QEMU that is apart. */ stall: Pair }

/** A volume in a Ceph of one node, opened in the namespace of stores by a VM in its jail; against images like it in bare QEMUs in the host's network. */
export async function measureCeph(vms: ShellVms, fioDisk: string, { rounds, turns }: { rounds: number; turns: number }, say: (line: string) => void): Promise<CephSpeed> {
  const { folder, settings } = vms.host
  const lab = await Lab.create()
  const { uid: first } = await vms.host.request(0)
  const storage = new StorageNamespace({ hostTag: lab.hostTag, uids: { first, last: first + 255 }, uplinkNetns: lab.host, log: { warn: () => {} } })
  const bares: BareVolume[] = []
  let ceph: TestCeph | undefined
  try {
    ceph = await TestCeph.start({ memoryMiB: 3072, wire: { from: lab.host, ...ends } })
    await storage.reach([`${ends.there}/32`])
    const store = new RbdStore({ access: ceph.access(), pool: testPool, namespace, work: folder })
    const vm = await vms.start({ storage: storage.name, ownMemory: true })
    const ours = await volumeIn(store)
    await plugVolume(vm, store, ours, 1, sizeBytes)
    await vm.plugDisk({ serial: fioSerial, file: fioDisk })
    const disk = await filled(await GuestShell.connect(vm.agentSocket), ours)
    const guest = await shellGuest(settings.guest, folder)
    const { accelerator } = settings
    const startBare = async (): Promise<{ bare: BareVolume; uid: string; disk: Disk }> => {
      const bare = await BareVolume.start({ folder: await mkdtemp(join(folder, 'bare-')), guest, tbSizeMiB: accelerator.kind === 'tcg' ? accelerator.tbSizeMiB : 0, inside: ['nsenter', `--net=${join('/run/netns', lab.host)}`] })
      bares.push(bare)
      const uid = await volumeIn(store)
      await store.claim(uid, 1, null)
      const image = await store.image(uid, 'write', 1)
      if (image.kind !== 'rbd') throw new Error('this store has images of Ceph')
      await bare.plug(serialOf(uid), { ceph: image })
      await bare.plugRaw(fioSerial, fioDisk)
      return { bare, uid, disk: await filled(bare.shell, uid) }
    }
    const [apart, together] = [await startBare(), await startBare()]
    // Wide enough to bound nothing: what counts is whose turn it is.
    await apart.bare.enter(await settings.cgroups.make('bare', { memoryBytes: totalmem(), processes: 4096, cpus: cpus().length, weight: 1 }))
    const speed = { apart: await measureSpeed([...throughput, ...requests], disk, apart.disk, rounds, say), together: await measureSpeed(requests, disk, together.disk, rounds, say) }
    const { admin } = ceph
    const byHand = () => admin.rbd(['snap', 'create', '--no-progress', `${testPool}/${namespace}/${volumeImage(apart.uid)}@${randomUUID()}`])
    const stall = await measureStall({ ...disk, snapshot: () => store.commitSnapshot(ours, randomUUID()) }, { ...apart.disk, snapshot: byHand }, turns, say)
    return { ...speed, stall }
  } finally {
    for (const bare of bares) await bare.stop()
    await vms.host.killAll()
    await ceph?.stop()
    await storage.remove()
    await lab.destroy()
  }
}

async function volumeIn(store: RbdStore): Promise<string> {
  const uid = randomUUID()
  await store.create({ uid, sizeBytes, origin: { kind: 'blank' } }, () => {})
  return uid
}

/** Once it is plugged in, beside fio. */
async function filled(shell: GuestShell, uid: string): Promise<Disk> {
  await takeFio(shell)
  await fillDisk(shell, serialOf(uid))
  return { shell, serial: serialOf(uid) }
}
