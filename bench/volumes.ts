import { randomUUID } from 'node:crypto'
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { GuestKernel } from '@/host/hypervisor/machine'
import type { RunningVm } from '@/host/hypervisor/running-vm'
import { GuestShell, shellGuest } from '@/host/hypervisor/testing/shell-guest'
import { sampleReference } from '@/host/images/sample/sample-image'
import { RealHost } from '@/host/pods/testing/real-host'
import { FileStore } from '@/host/volumes/file/file-store'
import { serialOf } from '@/host/volumes/open-image'
import type { VolumeStore } from '@/host/volumes/store'
import { plugVolume, ShellVms } from '@/host/volumes/testing/acknowledged-writer'
import { VolumeServer } from '@/host/volumes/testing/volume-server'
import { run } from '@/platform/exec'
import { BareVolume } from './bare-volume'
import type { Bench } from './promise'
import { describeTimes, median } from './statistics'

const MiB = 2 ** 20
const rounds = 7
const filledBytes = 10 * 2 ** 30

/** On the bare device `$D`, past the guest's cache. */
const kinds = {
  '384 MiB written in one go': 'dd if=/dev/zero of=$D bs=1M count=384 conv=notrunc,fsync oflag=direct',
  'the first 64 MiB read in one go': 'for n in 1 2 3 4; do dd if=$D of=/dev/null bs=1M count=64 iflag=direct; done',
  '768 MiB read in one go': 'dd if=$D of=/dev/null bs=1M count=768 iflag=direct',
  'written, 4 KiB each': 'dd if=/dev/zero of=$D bs=4k count=6000 conv=notrunc oflag=direct',
  'written and flushed, 4 KiB each': 'n=0; while [ $n -lt 100 ]; do n=$((n + 1)); dd if=/dev/zero of=$D bs=4k count=1 seek=$n conv=notrunc,fsync 2>/dev/null; done; true',
  'read, 4 KiB each': 'dd if=$D of=/dev/null bs=4k count=6000 iflag=direct',
} as const

/** A volume of layers against the same file in a QEMU that nothing is around; in one run, in turn. */
export const volumes: Bench = {
  name: 'volumes',
  title: 'Volumes',
  promises: [
    { id: 'volume-throughput', text: 'Reading and writing a disk of a volume in files, against the same file in a bare QEMU past the host’s cache (time, the worst of six kinds)', unit: '×', atMost: 1.11, digits: 2 },
    { id: 'snapshot-stall', text: 'The longest gap of a writer that flushes every 4 KiB while a snapshot of 10 GiB is taken, against QEMU’s own snapshot', unit: '×', atMost: 2, digits: 2 },
    { id: 'volume-attach', text: 'A volume given to a pod that runs, from the host’s being told until it is mounted and said so, against plugging the disk, its check and mounting by hand', unit: '×', atMost: 1.3, digits: 2 },
  ],
  run: async (say) => {
    const folder = await mkdtemp('/var/tmp/hypernetes-volumes-')
    const vms = await ShellVms.open()
    const store = await FileStore.open(join(folder, 'store'), { name: 'bench', shared: false })
    const guest = await shellGuest(vms.host.settings.guest, folder)
    const { accelerator } = vms.host.settings
    const bare = await BareVolume.start(folder, guest, accelerator.kind === 'tcg' ? accelerator.tbSizeMiB : 0)
    try {
      const vm = await vms.start()
      const shell = await GuestShell.connect(vm.agentSocket)
      const ours = { vm, shell, store, bare, folder, guest, say }
      const throughput = await measureThroughput(ours)
      const stall = await measureStall(ours)
      const attach = await measureAttach(ours)
      const ratios = throughput.map(({ volume, direct }) => median(volume) / median(direct))
      return {
        values: { 'volume-throughput': Math.max(...ratios), 'snapshot-stall': median(stall.volume) / median(stall.plain), 'volume-attach': median(attach.volume) / median(attach.plain) },
        details: `Volumes in files (qcow2), opened by a QEMU in its jail, through descriptors, below a throttle node; beside it a QEMU with the same guest and the same file by its name. In turn,
${rounds} rounds of each, by \`dd\` of the guest on the device, past its cache. Milliseconds: median (least to most, p95). Random access and depths beyond 1 are not measured: the guest has no program for it.

| | volume | bare QEMU past the host's cache | × | bare QEMU by the host's cache |
|---|---|---|---|---|
${throughput.map(({ kind, volume, plain, direct }, at) => `| ${kind} | ${describeTimes(volume)} | ${describeTimes(direct)} | ${(ratios[at] ?? 0).toFixed(2)} | ${describeTimes(plain)} |`).join('\n')}
| longest gap around a snapshot of ${filledBytes / 2 ** 30} GiB, all of it allocated | ${describeTimes(stall.volume)} | ${describeTimes(stall.plain)} | ${(median(stall.volume) / median(stall.plain)).toFixed(2)} | |
| attach: told → mounted; disk plugged → checked and mounted | ${describeTimes(attach.volume)} | ${describeTimes(attach.plain)} | ${(median(attach.volume) / median(attach.plain)).toFixed(2)} | |

The snapshot is whole (overlay made, written down, taken, committed); QEMU's own is \`blockdev-snapshot-sync\`. The attach is the host's whole way of a volume in a pod that runs: ledger, claim, descriptors,
plug, the guest's look at what is on the disk, \`e2fsck -p\` and mount; by hand it is plug, \`e2fsck -p\` and mount.

What the host's page cache holds of a volume counts against its VM's memory there (${Math.round(vm.record.memoryBytes! / MiB)} MiB and 24 for each volume), so a large one is read from the disk, where a bare QEMU has all of the machine's memory for its cache. Load of the machine at the end: ${(loadavg()[0] ?? 0).toFixed(1)}.`,
      }
    } finally {
      await bare.stop()
      await vms.close()
      await store.close()
      await rm(folder, { recursive: true, force: true })
    }
  },
}

type Ours = { vm: RunningVm; shell: GuestShell; store: VolumeStore; bare: BareVolume; folder: string; guest: GuestKernel; say: (line: string) => void }
type Pair = { volume: number[]; plain: number[] }

/** Odd rounds begin with the other one: what else the machine does is in both. */
async function inTurn(round: number, pair: Pair, volume: () => Promise<number>, plain: () => Promise<number>): Promise<void> {
  const first = async () => pair.volume.push(await volume())
  const second = async () => pair.plain.push(await plain())
  for (const one of round % 2 === 0 ? [first, second] : [second, first]) await one()
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

/** A blank volume of this size, and a copy of its file. */
async function make({ store, folder }: Ours, sizeBytes: number, allocated = false): Promise<{ uid: string; file: string; copy: string }> {
  const uid = randomUUID()
  await store.create({ uid, sizeBytes, origin: { kind: 'blank' } }, () => {}, new AbortController().signal)
  await store.claim(uid, 1, null)
  const image = await store.image(uid, 'write', 1)
  const file = image.kind === 'layers' ? (image.layers[0]?.path ?? '') : ''
  const copy = join(folder, `${uid}.qcow2`)
  if (allocated) for (const path of [file, copy]) await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', 'preallocation=falloc', path, String(sizeBytes)])
  else await copyFile(file, copy)
  return { uid, file, copy }
}

async function measureThroughput(ours: Ours): Promise<(Pair & { kind: string; direct: number[] })[]> {
  const { vm, shell, store, bare, say } = ours
  const { uid, copy, file } = await make(ours, 1024 * MiB)
  const serial = serialOf(uid)
  await plugVolume(vm, store, uid, 1, 1024 * MiB)
  const past = `${copy}.direct`
  await copyFile(copy, past)
  await bare.plug(serial, copy)
  await bare.plug('direct', past, true)
  const fill = 'dd if=/dev/zero of=$D bs=1M count=800 oflag=direct conv=notrunc,fsync 2>/dev/null'
  await shell.out(`D=$(await ${serial}); ${fill}`)
  for (const disk of ['direct', serial]) await bare.shell.out(`D=$(await ${disk}); ${fill}`)
  const by = (at: GuestShell, disk: string, command: string) => timed(() => at.out(`D=$(disk ${disk}); ${command} 2>/dev/null`))
  const found = Object.entries(kinds).map(([kind, command]) => ({ kind, command, volume: [] as number[], plain: [] as number[], direct: [] as number[] }))
  for (let round = 0; round < rounds; round += 1) {
    for (const each of found) {
      await inTurn(round, each, () => by(shell, serial, each.command), () => by(bare.shell, serial, each.command))
      each.direct.push(await by(bare.shell, 'direct', each.command))
    }
    say(`round ${round + 1} of ${rounds}: ${found.map(({ volume, plain, direct }) => `${Math.round(volume.at(-1) ?? 0)}/${Math.round(plain.at(-1) ?? 0)}/${Math.round(direct.at(-1) ?? 0)}`).join(', ')} ms`)
  }
  await vm.volumes.unplug(serial, [file])
  for (const disk of ['direct', serial]) await bare.unplug(disk)
  return found
}

/** When each record was written and flushed, by the guest's clock: what the host is late with hearing counts for nothing. */
type Recorder = { times: number[]; more: (records: number) => Promise<void> }

async function writing(shell: GuestShell, serial: string): Promise<Recorder> {
  await shell.out(`D=$(await ${serial}); /sbin/mke2fs -q -t ext4 -E nodiscard,lazy_itable_init=1,lazy_journal_init=1 $D >/dev/null 2>&1; mkdir -p /log; mount -t ext4 $D /log; dd if=/dev/zero of=/record bs=4k count=1 2>/dev/null`, 120_000)
  const times: number[] = []
  void shell.stream('while :; do dd if=/record of=/log/log bs=4k count=1 conv=notrunc,fsync 2>/dev/null && echo "wrote $EPOCHREALTIME"; done', (line) => line.startsWith('wrote ') && times.push(Number(line.slice(6)) * 1000))
  const more = async (records: number) => {
    const wanted = times.length + records
    while (times.length < wanted) await delay(2)
  }
  return { times, more }
}

/** The longest gap of a writer between the last record before some work began and those soon after it was done. */
async function longestGap({ times, more }: Recorder, work: () => Promise<unknown>): Promise<number> {
  await more(10)
  const from = times.length - 1
  await work()
  await more(5)
  const around = times.slice(from)
  return Math.max(...around.slice(1).map((time, at) => time - (around[at] ?? time)))
}

async function measureStall(ours: Ours): Promise<Pair> {
  const { vm, shell, store, bare, folder, say } = ours
  const { uid, copy } = await make(ours, filledBytes, true)
  const serial = serialOf(uid)
  await plugVolume(vm, store, uid, 1, filledBytes)
  await bare.plug(serial, copy)
  const [mine, plain] = [await writing(shell, serial), await writing(bare.shell, serial)]
  const pair: Pair = { volume: [], plain: [] }
  for (let round = 0, node = serial; round < rounds; round += 1) {
    const next = `snapshot-${round}`
    await inTurn(round, pair, () => longestGap(mine, () => takeOne(vm, store, uid)), () => longestGap(plain, () => bare.qmp.command('blockdev-snapshot-sync', { 'node-name': node, 'snapshot-file': join(folder, `${next}.qcow2`), 'snapshot-node-name': next, format: 'qcow2' })))
    node = next
    say(`snapshot ${round + 1} of ${rounds}: longest gap ${Math.round(pair.volume.at(-1) ?? 0)} ms against ${Math.round(pair.plain.at(-1) ?? 0)} ms`)
  }
  return pair
}

async function takeOne(vm: RunningVm, store: VolumeStore, uid: string): Promise<void> {
  const snapshot = randomUUID()
  const step = await store.prepareSnapshot(uid, snapshot)
  const image = await store.image(uid, 'write', 1)
  const top = image.kind === 'layers' ? image.layers[1] : undefined
  if (step.kind !== 'overlay' || !top) throw new Error('no overlay was prepared')
  await vm.volumes.snapshot([{ serial: serialOf(uid), top: { ...top, readOnly: false }, overlay: step.overlay, direct: false }])
  await store.commitSnapshot(uid, snapshot)
}

/** A pod that runs is given a volume with a file system, and has it taken away, again and again. */
async function measureAttach({ folder, say, guest }: Ours): Promise<Pair> {
  const host = await RealHost.open()
  const bare = await BareVolume.start(await fresh(folder), guest, 32)
  try {
    const server = new VolumeServer(host, host.pod({}).tenantId)
    server.store(await fresh(folder))
    const pod = host.pod({ containers: [{ name: 'main', image: sampleReference, command: ['sleep', '100000'] }] })
    host.apply([pod])
    await host.untilRunning(pod)
    const disk = server.volume()
    const [copy, serial] = [join(folder, 'attach.qcow2'), 'vattach']
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', copy, String(64 * MiB)])
    const pair: Pair = { volume: [], plain: [] }
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
        await bare.plug(serial, copy)
        await bare.shell.out(`D=$(await ${serial}); /sbin/e2fsck -p $D >/dev/null 2>&1; mkdir -p /data; mount -t ext4 -o noatime,nodev $D /data`)
      })
      await bare.shell.out('umount /data')
      await bare.unplug(serial)
      return took
    }
    // The first makes the file systems, and does not count.
    await volume()
    await bare.plug(serial, copy)
    await bare.shell.out(`D=$(await ${serial}); /sbin/mke2fs -q -t ext4 -m 0 -E lazy_itable_init=1,lazy_journal_init=1,nodiscard $D >/dev/null 2>&1`)
    await bare.unplug(serial)
    for (let round = 0; round < rounds; round += 1) {
      await inTurn(round, pair, volume, plain)
      say(`attach ${round + 1} of ${rounds}: ${Math.round(pair.volume.at(-1) ?? 0)} ms against ${Math.round(pair.plain.at(-1) ?? 0)} ms`)
    }
    return pair
  } finally {
    await bare.stop()
    await host.close()
  }
}

async function fresh(folder: string): Promise<string> {
  const made = join(folder, randomUUID().slice(0, 8))
  await mkdir(made, { mode: 0o700 })
  return made
}
