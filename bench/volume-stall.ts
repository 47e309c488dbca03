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

export type Stalled = { vm: RunningVm; shell: GuestShell; store: VolumeStore; uid: string; bare: BareVolume; bareSerial: string; /** Where the bare one's overlays are made. */ folder: string }

/** Both disks are written all the while; snapshots of them are taken in turn. The guests have nothing else to do any more afterwards. */
export async function measureStall({ vm, shell, store, uid, bare, bareSerial, folder }: Stalled, rounds: number, say: (line: string) => void): Promise<Pair> {
  const [mine, plain] = [await writing(shell, serialOf(uid)), await writing(bare.shell, bareSerial)]
  const pair: Pair = { volume: [], bare: [] }
  for (let round = 0, node = bareSerial; round < rounds; round += 1) {
    const next = `snapshot-${round}`
    await inTurn(round, pair, () => longestGap(mine, () => takeOne(vm, store, uid)), () => longestGap(plain, () => bare.qmp.command('blockdev-snapshot-sync', { 'node-name': node, 'snapshot-file': join(folder, `${next}.qcow2`), 'snapshot-node-name': next, format: 'qcow2' })))
    node = next
    say(`snapshot ${round + 1} of ${rounds}: longest gap ${Math.round(pair.volume.at(-1) ?? 0)} ms against ${Math.round(pair.bare.at(-1) ?? 0)} ms`)
  }
  return pair
}

async function takeOne(vm: RunningVm, store: VolumeStore, uid: string): Promise<void> {
  const snapshot = randomUUID()
  const step = await store.prepareSnapshot(uid, snapshot)
  const image = await store.image(uid, 'write', 1)
  const top = image.kind === 'layers' ? image.layers[1] : undefined
  if (step.kind !== 'overlay' || image.kind !== 'layers' || !top) throw new Error('no overlay was prepared')
  await vm.volumes.snapshot([{ serial: serialOf(uid), top: { ...top, readOnly: false }, overlay: step.overlay, direct: image.direct }])
  await store.commitSnapshot(uid, snapshot)
}
