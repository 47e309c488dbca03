import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Lab } from '@/host/network/testing/lab'
import { StorageNamespace } from '@/host/network/storage-namespace'
import { serialOf } from '@/host/volumes/open-image'
import { RbdStore } from '@/host/volumes/rbd/rbd-store'
import { plugVolume, type ShellVms } from '@/host/volumes/testing/acknowledged-writer'
import { TestCeph, testPool } from '@/host/volumes/testing/ceph'
import { GuestShell, shellGuest } from '@/host/hypervisor/testing/shell-guest'
import { BareVolume } from './bare-volume'
import { fillDisk, fioSerial, requests, takeFio, throughput } from './fio'
import { measureSpeed, type Speed } from './volume-speed'

const MiB = 2 ** 20
const sizeBytes = 512 * MiB
const ends = { there: '198.51.100.2', here: '198.51.100.1' }

/** A volume in a Ceph of one node, opened in the namespace of stores by a VM in its jail; against an image like it in a bare QEMU in the host's network. */
export async function measureCeph(vms: ShellVms, fioDisk: string, rounds: number, say: (line: string) => void): Promise<Speed[]> {
  const { folder, settings } = vms.host
  const lab = await Lab.create()
  const { uid: first } = await vms.host.request(0)
  const storage = new StorageNamespace({ hostTag: lab.hostTag, uids: { first, last: first + 255 }, uplinkNetns: lab.host, log: { warn: () => {} } })
  let ceph: TestCeph | undefined
  let bare: BareVolume | undefined
  try {
    ceph = await TestCeph.start({ memoryMiB: 2560, wire: { from: lab.host, ...ends } })
    await storage.reach([`${ends.there}/32`])
    const store = new RbdStore({ access: ceph.access(), pool: testPool, namespace: 'b'.repeat(32), work: folder })
    const [ours, other] = [randomUUID(), randomUUID()]
    for (const uid of [ours, other]) await store.create({ uid, sizeBytes, origin: { kind: 'blank' } }, () => {})
    const vm = await vms.start({ storage: storage.name, ownMemory: true })
    await plugVolume(vm, store, ours, 1, sizeBytes)
    await vm.plugDisk({ serial: fioSerial, file: fioDisk })
    const { accelerator } = settings
    bare = await BareVolume.start({ folder, guest: await shellGuest(settings.guest, folder), tbSizeMiB: accelerator.kind === 'tcg' ? accelerator.tbSizeMiB : 0, inside: ['nsenter', `--net=${join('/run/netns', lab.host)}`] })
    await store.claim(other, 1, null)
    const image = await store.image(other, 'write', 1)
    if (image.kind !== 'rbd') throw new Error('this store has images of Ceph')
    await bare.plug(serialOf(other), { ceph: image })
    await bare.plugRaw(fioSerial, fioDisk)
    const shell = await GuestShell.connect(vm.agentSocket)
    const disks = [{ shell, serial: serialOf(ours) }, { shell: bare.shell, serial: serialOf(other) }] as const
    for (const each of disks) {
      await takeFio(each.shell)
      await fillDisk(each.shell, each.serial)
    }
    return await measureSpeed([...throughput, ...requests], ...disks, rounds, say)
  } finally {
    await bare?.stop()
    await vms.host.killAll()
    await ceph?.stop()
    await storage.remove()
    await lab.destroy()
  }
}
