import { randomUUID } from 'node:crypto'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import type { GuestKernel } from '@/host/hypervisor/machine'
import type { RunningVm } from '@/host/hypervisor/running-vm'
import { GuestShell, shellGuest } from '@/host/hypervisor/testing/shell-guest'
import { FileStore } from '@/host/volumes/file/file-store'
import { serialOf } from '@/host/volumes/open-image'
import type { VolumeStore } from '@/host/volumes/store'
import { plugVolume, ShellVms } from '@/host/volumes/testing/acknowledged-writer'
import { run } from '@/platform/exec'
import { BareVolume, type BareImage } from './bare-volume'
import { fillDisk, fioSerial, makeFioDisk, requests, takeFio, throughput } from './fio'
import { timesOfBare, type Pair } from './in-turn'
import type { Bench } from './promise'
import { describeTimes } from './statistics'
import { measureAttach } from './volume-attach'
import { measureCeph, type CephSpeed } from './volume-ceph'
import { measureSpeed, speedMilliseconds, speedRows, worstOf, type Disk, type Speed } from './volume-speed'
import { bareSnapshots, measureStall, snapshotInFiles } from './volume-stall'

/** A round differs from the next by a tenth and more, and the worst of several kinds is what counts. */
const rounds = { files: 15, ceph: 7 }
const turns = 7
const sizeBytes = 512 * 2 ** 20
const filledBytes = 10 * 2 ** 30

const speeds = 'fio in a second on a bare QEMU’s disk of the same image, against the disk of a volume'

/** Volumes of both stores against the same image in a QEMU that nothing is around; in one run, in turn. */
export const volumes: Bench = {
  name: 'volumes',
  title: 'Volumes',
  promises: [
    { id: 'volume-throughput', text: `Bytes read and written by ${speeds} in files (the worse of two kinds)`, unit: '×', atMost: 1.11, digits: 2 },
    { id: 'volume-throughput-shared', text: 'The same of a volume in files that is given to a pod that started without volumes, and did not ask for memory of its own', unit: '×', atMost: 1.11, digits: 2 },
    { id: 'volume-requests', text: `Requests of 4 KiB by ${speeds} in files (the worst of five kinds)`, unit: '×', atMost: 1.11, digits: 2 },
    { id: 'volume-throughput-ceph', text: `Bytes read and written by ${speeds} in Ceph, each in a control group of its own (the worse of two kinds)`, unit: '×', atMost: 1.11, digits: 2 },
    { id: 'volume-requests-ceph', text: `Requests of 4 KiB by ${speeds} in Ceph, each in a control group of its own (the worst of five kinds)`, unit: '×', atMost: 1.11, digits: 2 },
    { id: 'snapshot-stall', text: 'The longest gap of a writer that flushes every 4 KiB while a snapshot of 10 GiB is taken, against QEMU’s own snapshot', unit: '×', atMost: 2, digits: 2 },
    { id: 'snapshot-stall-ceph', text: 'The same of 512 MiB in Ceph, against `rbd snap create` of the bare QEMU’s image', unit: '×', atMost: 2, digits: 2 },
    { id: 'volume-attach', text: 'A volume given to a pod that runs, from the host’s being told until it is mounted and said so, against plugging the disk, its check and mounting by hand', unit: '×', atMost: 1.3, digits: 2 },
  ],
  run: async (say) => {
    const folder = await mkdtemp('/var/tmp/hypernetes-volumes-')
    const vms = await ShellVms.open()
    try {
      const { accelerator } = vms.host.settings
      const fioDisk = await makeFioDisk(vms.host.folder)
      const guest = await shellGuest(vms.host.settings.guest, folder)
      const inFiles = await measureFiles({ vms, folder, guest, fioDisk, tbSizeMiB: accelerator.kind === 'tcg' ? accelerator.tbSizeMiB : 0, say })
      const ceph = await measureCeph(vms, fioDisk, { rounds: rounds.ceph, turns }, say)
      const attach = await measureAttach(folder, guest, turns, say)
      const { files, sharing, stall } = inFiles
      return {
        values: {
          'volume-throughput': worstOf(files, throughput),
          'volume-throughput-shared': worstOf(sharing, throughput),
          'volume-requests': worstOf(files, requests),
          'volume-throughput-ceph': worstOf(ceph.apart, throughput),
          'volume-requests-ceph': worstOf(ceph.apart, requests),
          'snapshot-stall': timesOfBare(stall),
          'snapshot-stall-ceph': timesOfBare(ceph.stall),
          'volume-attach': timesOfBare(attach),
        },
        details: await describeAll({ ...inFiles, ceph, attach }),
      }
    } finally {
      await vms.close()
      await rm(folder, { recursive: true, force: true })
    }
  },
}

type Setting = { vms: ShellVms; folder: string; guest: GuestKernel; fioDisk: string; tbSizeMiB: number; say: (line: string) => void }

async function measureFiles({ vms, folder, guest, fioDisk, tbSizeMiB, say }: Setting): Promise<Pick<Found, 'files' | 'sharing' | 'stall'>> {
  const store = await FileStore.open(join(folder, 'store'), { name: 'bench', shared: false })
  const bare = await BareVolume.start({ folder, guest, tbSizeMiB })
  try {
    const vm = await vms.start({ ownMemory: true })
    await bare.plugRaw(fioSerial, fioDisk)
    await takeFio(bare.shell)
    const plain = await make(store, folder, sizeBytes)
    await bare.plug(serialOf(plain.uid), plain.copy)
    const bareDisk = { shell: bare.shell, serial: serialOf(plain.uid) }
    await fillDisk(bareDisk.shell, bareDisk.serial)
    const ours = await measured(vm, store, plain.uid, fioDisk)
    const files = await measureSpeed([...throughput, ...requests], ours, bareDisk, rounds.files, say)
    await vm.volumes.unplug(ours.serial, [plain.file])

    const sharingVm = await vms.start()
    const other = await make(store, folder, sizeBytes)
    const sharing = await measureSpeed(throughput, await measured(sharingVm, store, other.uid, fioDisk), bareDisk, 7, say)
    await sharingVm.kill()
    await bare.unplug(serialOf(plain.uid))

    const { uid, copy } = await make(store, folder, filledBytes, true)
    await plugVolume(vm, store, uid, 1, filledBytes)
    await bare.plug(serialOf(uid), copy)
    return { files, sharing, stall: await measureStall({ shell: ours.shell, serial: serialOf(uid), snapshot: () => snapshotInFiles(vm, store, uid) }, { shell: bare.shell, serial: serialOf(uid), snapshot: bareSnapshots(bare, serialOf(uid), folder) }, turns, say) }
  } finally {
    await bare.stop()
    await vms.host.killAll()
    await store.close()
  }
}

/** Gives a VM a volume, and fio, with which all of it is written once. */
async function measured(vm: RunningVm, store: VolumeStore, uid: string, fioDisk: string): Promise<Disk> {
  await vm.plugDisk({ serial: fioSerial, file: fioDisk })
  const shell = await GuestShell.connect(vm.agentSocket)
  await takeFio(shell)
  await plugVolume(vm, store, uid, 1, sizeBytes)
  await fillDisk(shell, serialOf(uid))
  return { shell, serial: serialOf(uid) }
}

/** A blank volume of this size, and a copy of its file beside it, to be opened as the volume is. */
async function make(store: VolumeStore, folder: string, bytes: number, allocated = false): Promise<{ uid: string; file: string; copy: Extract<BareImage, { file: string }> }> {
  const uid = randomUUID()
  await store.create({ uid, sizeBytes: bytes, origin: { kind: 'blank' } }, () => {}, new AbortController().signal)
  await store.claim(uid, 1, null)
  const image = await store.image(uid, 'write', 1)
  if (image.kind !== 'layers') throw new Error('this store has layers')
  const file = image.layers[0]?.path ?? ''
  const copy = { file: join(folder, `${uid}.qcow2`), direct: image.direct }
  if (allocated) for (const path of [file, copy.file]) await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', 'preallocation=falloc', path, String(bytes)])
  else await copyFile(file, copy.file)
  return { uid, file, copy }
}

type Found = { files: readonly Speed[]; /** Bytes alone, in a VM that was started without volumes. */ sharing: readonly Speed[]; ceph: CephSpeed; stall: Pair; attach: Pair }

async function describeAll({ files, sharing, ceph, stall, attach }: Found): Promise<string> {
  const { stdout: version } = await run('fio', ['--version'])
  return `Each disk of ours is opened by a QEMU in its jail (a user and namespaces of its own, filters of system calls, limits of memory and of processors), its files by descriptors, below a throttle node without limits;
of Ceph from the namespace of stores. Beside it a QEMU with none of that: the same guest, machine, memory and one vCPU, an image like it in the same place, opened past the host's page cache as ours is; of
Ceph by the same user, without librbd’s cache as ours is (docs/adr/0059), from the host's network. ${version.trim()} of Debian in both guests on the device, past their caches, on ${sizeBytes / 2 ** 20} MiB that were all written before; ${rounds.files} rounds (of Ceph ${rounds.ceph}) of
${speedMilliseconds / 1000} s, ours and the bare one side by side in each. Median (least to most); × is the median of the rounds' ratios: of speeds more is better, of times less.

| volume in files | ours | bare QEMU | × |
|---|---|---|---|
${speedRows(files)}
${speedRows(sharing, ', of a pod that started without volumes')}

A pod that starts with volumes has a copy of its template's memory, in pages of 2 MiB as a bare QEMU's, and so has one that asks for it (\`volumes.hypernetes.io/own-memory: "true"\`). One that shares the template's has pages of 4 KiB:
of a request of 1 MiB the host's kernel and disk are given 256 parts and not one, and no page that a clone has mapped becomes larger later (docs/adr/0052). So a volume that is given to such a pod misses the target.

| volume in Ceph | ours | bare QEMU | × |
|---|---|---|---|
${speedRows(ceph.apart)}
${speedRows(ceph.together, ', against a bare QEMU that takes turns with the cluster’s threads')}

A VM’s processes are in a control group of their own, so that all of its threads, librbd’s too, count as one where processors are short, and so do those of whatever else runs there. A service manager puts each service and each
machine into one; a QEMU started by hand is in none. Here the cluster runs on the same two processors: a QEMU that is with it in one group takes turns with it thread by thread, which one that is not does not, whatever its weight.
So the first rows, which are what is asked for, have the bare QEMU in a group like ours, without a bound on processors; the last ones have it where the cluster is. Beside that it is the way to the store that costs: one more link, the host's speaking for its address, and two filters of packets take some 7 microseconds
of a processor for an exchange, of both its ends together, and a bare QEMU that goes that way was as slow as ours. What the difference is not: the jail, the filter of system calls, the throttle node, pages of 4 KiB, or a bound that was reached, each of which was tried by itself
(docs/adr/0047, docs/adr/0060). Ours has one thread for what comes back of an image where librados by itself has two, which spares it 6 microseconds for each read; the bare one is as one opens it by hand.

| milliseconds | ours | bare QEMU | × |
|---|---|---|---|
| longest gap around a snapshot of ${filledBytes / 2 ** 30} GiB, all of it allocated | ${describeTimes(stall.volume)} | ${describeTimes(stall.bare)} | ${timesOfBare(stall).toFixed(2)} |
| longest gap around a snapshot of ${sizeBytes / 2 ** 20} MiB in Ceph | ${describeTimes(ceph.stall.volume)} | ${describeTimes(ceph.stall.bare)} | ${timesOfBare(ceph.stall).toFixed(2)} |
| attach: told → mounted; disk plugged → checked and mounted | ${describeTimes(attach.volume)} | ${describeTimes(attach.bare)} | ${timesOfBare(attach).toFixed(2)} |

The snapshot is whole (overlay made, written down, taken, committed); QEMU's own is \`blockdev-snapshot-sync\`. In Ceph it is the store's whole step, against
\`rbd snap create\` of the bare QEMU's image; librbd asks whoever has the image open to let the write out first. The attach is the host's whole way of a volume in a pod that runs: ledger, claim, descriptors,
plug, the guest's look at what is on the disk, \`e2fsck -p\` and mount; by hand it is plug, \`e2fsck -p\` and mount.

The cluster is one monitor and one OSD that keeps its data in memory, on the same machine. Load of the machine at the end: ${(loadavg()[0] ?? 0).toFixed(1)}.`
}
