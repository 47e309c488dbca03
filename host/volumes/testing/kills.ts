import { randomInt, randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { VolumeFault } from '@/host/hypervisor/volume-disks'
import { run } from '@/platform/exec'
import { endEach } from '@/tools/testing/cleanup'
import { cleanupAfterAll } from '@/tools/testing/cleanup-after-all'
import { NEVER } from '@/tools/testing/never'
import { FileStore } from '../file/file-store'
import { serialOf } from '../open-image'
import type { VolumeStore } from '../store'
import { AcknowledgedWriter, ShellVms, type FileSystem } from './acknowledged-writer'
import { copyOfLayers } from './ext4-copy'
import { xfsProblems } from './xfs-copy'

/** How often QEMU is killed, at which steps of a snapshot the agent dies (as many as there are with one layer, and one more), and how often the host loses its power. */
export type Kills = { kills: number; steps: readonly number[]; powerCuts: number }
export const everyStep = [1, 2, 3, 4, 5, 6] as const

/** FS_IOC_SHUTDOWN of ext4 and xfs: the file system writes nothing any more, its journal neither: as where the power is gone. Source: Linux, fs/ext4/ext4.h. */
const cutPower = String.raw`open(my $folder, '<', $ARGV[0]) or die "$!\n"; my $flags = pack('L', 2); ioctl($folder, 0x8004587d, $flags) or die "shutdown: $!\n";`

/** What must hold of a store of files whatever dies: a record that a guest was told is written is there for ever. */
export function describeKills(name: string, { kills, steps, powerCuts }: Kills): void {
  describe(name, () => {
    let vms: ShellVms
    let root: string
    let store: FileStore
    let writer: AcknowledgedWriter | null = null
    let loop = ''
    const options = { name: 'test', shared: false }

    const cleanup = cleanupAfterAll()

    beforeAll(async () => {
      root = await cleanup.open('the folder', mkdtemp(join(tmpdir(), 'kills-')), (one) => rm(one, { recursive: true, force: true }))
      vms = await cleanup.open('the VMs', ShellVms.open(), (one) => one.close())
    })
    afterEach(async () => {
      const [of, device] = [writer, loop]
      writer = null
      loop = ''
      await endEach([
        { what: 'a writer', end: () => of?.kill() },
        { what: 'the store', end: () => store?.close() },
        { what: 'a disk', end: () => run('umount', ['-l', join(root, 'disk')]).catch(() => {}) },
        { what: 'its loop device', end: () => device !== '' && run('losetup', ['--detach', device]) },
      ])
    }, Infinity)

    async function begin(folder: string, fileSystem: FileSystem = 'ext4'): Promise<AcknowledgedWriter> {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      store = await FileStore.open(folder, options)
      const made = new AcknowledgedWriter(() => vms.start(), () => store, { fileSystem })
      writer = made
      await made.create()
      return made
    }

    /** All that was acknowledged is there, by what the next guest reads. */
    async function mustBeThere(of: AcknowledgedWriter, where: string): Promise<void> {
      const { records, wrong } = await of.open()
      expect(wrong, `${NEVER}: ${where}`).toBe(0)
      expect(records, `${NEVER}: ${where}`).toBeGreaterThanOrEqual(of.acknowledged)
    }

    it.each([['ext4', kills], ['xfs', Math.ceil(kills / 5)]] as const)('whatever a guest was told is written to an %s is there after %i kills of its QEMU', async (fileSystem, times) => {
      const folder = join(root, `kills-${fileSystem}`)
      const of = await begin(folder, fileSystem)
      for (let n = 1; n <= times; n += 1) {
        await mustBeThere(of, `before kill ${n}`)
        await of.write()
        await of.more(randomInt(1, 30))
        await of.kill()
        await of.release()
      }
      await mustBeThere(of, 'at last')
      expect(of.acknowledged).toBeGreaterThanOrEqual(times)
      if (fileSystem === 'ext4') return
      // Of an ext4 the next guest has looked at all of it each time.
      await of.rest()
      const raw = join(root, 'raw')
      await copyOfLayers(join(folder, 'volumes', of.uid), raw)
      expect(await xfsProblems(raw), NEVER).toBe('')
    })

    it('an agent that dies at any step of a snapshot, with its QEMU or without, loses nothing that was acknowledged, and the snapshot has what was before it', async () => {
      const folder = join(root, 'snapshots')
      let taken = 0
      for (const last of steps) {
        const of = await begin(folder)
        await mustBeThere(of, 'at first')
        await of.write()
        await of.more(3)
        const snapshot = randomUUID()
        const before = of.acknowledged
        await store.close()
        let step = 0
        let die = (): void => {}
        const died = new Promise<'died'>((resolve) => (die = () => resolve('died')))
        store = await FileStore.open(folder, { ...options, step: () => ((step += 1) === last ? (die(), new Promise<void>(() => {})) : undefined) })
        const end = await Promise.race([died, takeSnapshot(of, store, snapshot).then(() => 'whole' as const)])
        expect(end, `at step ${last}`).toBe(last > everyStep.length - 1 ? 'whole' : 'died')
        await of.more(2)
        await store.close()
        store = await FileStore.open(folder, options)
        // Every other time QEMU lives, and the next agent goes on with what was begun; else what was prepared is as any layer.
        if (last % 2 === 0) {
          await takeSnapshot(of, store, snapshot)
          await of.more(2)
        }
        await of.kill()
        await of.release()
        await mustBeThere(of, `after step ${last}`)
        await of.kill()
        await of.release()
        if (await store.describeSnapshot(snapshot)) {
          taken += 1
          const clone = new AcknowledgedWriter(() => vms.start(), () => store)
          writer = clone
          await store.clone(snapshot, clone.uid, clone.sizeBytes)
          clone.acknowledged = before
          await mustBeThere(clone, `in a clone, after step ${last}`)
          await clone.kill()
        }
        await store.close()
      }
      expect(taken).toBeGreaterThan(0)
    })

    it('a snapshot that is called off after QEMU went on in its overlay loses nothing, whether QEMU lives then or was killed, and holds up no other one', async () => {
      const of = await begin(join(root, 'called-off'))
      await mustBeThere(of, 'at first')
      await of.write()
      await of.more(3)
      const [first, second, third] = [randomUUID(), randomUUID(), randomUUID()]
      await goOnInOverlay(of, store, first)
      await of.more(3)
      await store.abortSnapshot(of.uid, first)
      await of.more(3)
      await takeSnapshot(of, store, second)
      await of.more(3)
      await goOnInOverlay(of, store, third)
      await of.more(3)
      await of.kill()
      await store.abortSnapshot(of.uid, third)
      await of.release()
      await mustBeThere(of, 'at last')
      expect([await store.describeSnapshot(first), await store.describeSnapshot(third)]).toEqual([null, null])
      expect(await store.describeSnapshot(second)).not.toBeNull()
    })

    it(`what was acknowledged is on the disk when the host loses its power, ${powerCuts} times`, async () => {
      const [file, disk] = [join(root, 'disk.img'), join(root, 'disk')]
      await mkdir(disk, { recursive: true })
      await run('truncate', ['-s', '512M', file])
      await run('mkfs.ext4', ['-q', '-F', file])
      // One that stays: a loop device of the mount's own goes some time after that, and the next mount may still find it.
      loop = (await run('losetup', ['--find', '--show', file])).stdout.trim()
      const mount = () => run('mount', [loop, disk])
      await mount()
      const of = await begin(join(disk, 'store'))
      for (let n = 1; n <= powerCuts; n += 1) {
        await mustBeThere(of, `before cut ${n}`)
        const faults: VolumeFault[] = []
        of.vm?.volumes.onFault((fault) => faults.push(fault))
        await of.write()
        await of.more(randomInt(5, 40))
        await run('perl', ['-we', cutPower, disk])
        // The guest's next write finds no disk: its VM stands still, and nothing more is acknowledged.
        await vi.waitFor(() => expect(faults[0]).toMatchObject({ serial: serialOf(of.uid), paused: true }), { timeout: 30_000 })
        await of.kill()
        await store.close()
        await run('umount', [disk])
        await mount()
        store = await FileStore.open(join(disk, 'store'), options)
        await of.release()
      }
      await mustBeThere(of, 'at last')
      await of.kill()
      await store.close()
      await run('umount', [disk])
    })
  })
}

/** As an agent takes one of a volume that is open, or goes on with one that another agent began. */
async function takeSnapshot(of: AcknowledgedWriter, store: VolumeStore, snapshot: string): Promise<void> {
  if (await goOnInOverlay(of, store, snapshot)) await store.commitSnapshot(of.uid, snapshot)
}

/** What of it comes before it is written down. False: there is nothing to write down. */
async function goOnInOverlay(of: AcknowledgedWriter, store: VolumeStore, snapshot: string): Promise<boolean> {
  const { vm, uid } = of
  const step = await store.prepareSnapshot(uid, snapshot)
  if (!vm || step.kind === 'none') return false
  const serial = serialOf(uid)
  const image = await store.image(uid, 'write', of.epoch)
  const there = (await vm.volumes.plugged()).find((one) => one.serial === serial)
  if (image.kind !== 'layers') return true
  const [, top] = image.layers
  if (top && there?.layers[0] === top.id) await vm.volumes.snapshot([{ serial, top: { ...top, readOnly: false }, overlay: step.overlay, direct: image.direct }])
  return true
}
