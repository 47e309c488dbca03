import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { RunningVm } from '@/host/hypervisor/running-vm'
import type { GuestShell } from '@/host/hypervisor/testing/shell-guest'
import { serialOf } from '@/host/volumes/open-image'
import type { VolumeStore } from '@/host/volumes/store'
import type { BareVolume } from './bare-volume'
import { inTurn, type Pair } from './in-turn'

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

/** A guest with a disk that is written all the while, and how a snapshot of it is taken. */
export type Stalled = { shell: GuestShell; serial: string; snapshot: () => Promise<unknown> }

/** Both disks are written all the while; snapshots of them are taken in turn. The guests have nothing else to do any more afterwards. */
export async function measureStall(ours: Stalled, bare: Stalled, rounds: number, say: (line: string) => void): Promise<Pair> {
  const [mine, plain] = [await writing(ours.shell, ours.serial), await writing(bare.shell, bare.serial)]
  const pair: Pair = { volume: [], bare: [] }
  for (let round = 0; round < rounds; round += 1) {
    await inTurn(round, pair, () => longestGap(mine, ours.snapshot), () => longestGap(plain, bare.snapshot))
    say(`snapshot ${round + 1} of ${rounds}: longest gap ${Math.round(pair.volume.at(-1) ?? 0)} ms against ${Math.round(pair.bare.at(-1) ?? 0)} ms`)
  }
  return pair
}

/** Takes QEMU's own snapshots of the bare disk, each an overlay in `folder`. */
export function bareSnapshots(bare: BareVolume, serial: string, folder: string): () => Promise<void> {
  let [node, count] = [serial, 0]
  return async () => {
    const next = `snapshot-${count++}`
    await bare.qmp.command('blockdev-snapshot-sync', { 'node-name': node, 'snapshot-file': join(folder, `${next}.qcow2`), 'snapshot-node-name': next, format: 'qcow2' })
    node = next
  }
}

/** Takes a snapshot of a volume in files that a VM has, the whole of it. */
export async function snapshotInFiles(vm: RunningVm, store: VolumeStore, uid: string): Promise<void> {
  const snapshot = randomUUID()
  const step = await store.prepareSnapshot(uid, snapshot)
  const image = await store.image(uid, 'write', 1)
  const top = image.kind === 'layers' ? image.layers[1] : undefined
  if (step.kind !== 'overlay' || image.kind !== 'layers' || !top) throw new Error('no overlay was prepared')
  await vm.volumes.snapshot([{ serial: serialOf(uid), top: { ...top, readOnly: false }, overlay: step.overlay, direct: image.direct }])
  await store.commitSnapshot(uid, snapshot)
}
