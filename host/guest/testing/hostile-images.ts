import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { imageSerial } from '@/contracts/guest/v1/machine'
import { GuestClient } from '@/host/guest/client'
import { setupRequest } from '@/host/guest/testing/requests'
import { startTestMachine, type TestMachine } from '@/host/guest/testing/test-machine'
import { VolumeDisks } from '@/host/guest/testing/volume-disks'
import { mounted, volumeRequests } from '@/host/guest/testing/volume-requests'
import { run } from '@/platform/exec'

const block = 4096

/** A guest and its disks; it may die of one. */
type Guest = { machine: TestMachine; client: GuestClient; disks: VolumeDisks }
let hostile: Guest
let neighbour: Guest

async function boot(): Promise<Guest> {
  const machine = await startTestMachine()
  const disks = await VolumeDisks.open(machine.monitorPath)
  const client = await GuestClient.connect(machine.socketPath, { helloTimeoutMs: 120_000 })
  await client.setup(setupRequest({ time: Date.now(), volumes: [{ name: 'data', medium: 'disk', sizeBytes: null }] }))
  await client.addImage({ serial: imageSerial(0), key: 'busybox' })
  return { machine, client, disks }
}

async function end({ client, disks, machine }: Guest): Promise<void> {
  client.close()
  await disks.close()
  await machine.stop()
}

type Somewhere = fc.Arbitrary<number>

/** Where an ext4 of 16 MiB with blocks of 4 KiB says what it is: superblock, descriptors of groups, bitmaps, tables of inodes, the root's folder, the journal's own superblock. */
const inExt4: Somewhere = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1024, max: 2047 }) },
  { weight: 2, arbitrary: fc.integer({ min: block, max: 2 * block - 1 }) },
  { weight: 4, arbitrary: fc.integer({ min: 2 * block, max: 200 * block }) },
  { weight: 1, arbitrary: fc.integer({ min: 200 * block, max: 16 * 2 ** 20 - 1 }) },
)
/** The same of an xfs of 64 MiB, of one group's headers and trees, its inodes, and its log in the middle. Nothing checks one before the kernel reads it. */
const inXfs: Somewhere = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 2047 }) },
  { weight: 4, arbitrary: fc.integer({ min: 2048, max: 40 * block }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 64 * 2 ** 20 - 1 }) },
)
const corpusOf = (somewhere: Somewhere, seed: number, images: number) => fc.sample(fc.array(fc.record({ at: somewhere, byte: fc.integer({ min: 0, max: 255 }) }), { minLength: 1, maxLength: 60 }), { numRuns: images, seed })

/** Small ones are made for tests of xfs alone, whose programs say so by these. */
const tiny = { TEST_DIR: '1', TEST_DEV: '1', QA_CHECK_FS: '1' }
const kinds = [
  { fsType: 'ext4', readOnly: false, mebibytes: 16, somewhere: inExt4, seed: 7, make: (path: string) => run('/sbin/mkfs.ext4', ['-q', '-F', '-b', String(block), '-d', import.meta.dirname, path]) },
  { fsType: 'ext4', readOnly: true, mebibytes: 16, somewhere: inExt4, seed: 8, make: (path: string) => run('/sbin/mkfs.ext4', ['-q', '-F', '-b', String(block), '-d', import.meta.dirname, path]) },
  { fsType: 'xfs', readOnly: false, mebibytes: 64, somewhere: inXfs, seed: 9, make: (path: string) => run('/sbin/mkfs.xfs', ['-q', '-f', path], { env: { ...process.env, ...tiny } }) },
  { fsType: 'xfs', readOnly: true, mebibytes: 64, somewhere: inXfs, seed: 10, make: (path: string) => run('/sbin/mkfs.xfs', ['-q', '-f', path], { env: { ...process.env, ...tiny } }) },
] as const

const reads = 'find /data -type f | head -n 50 | while read f; do head -c 100 "$f" >/dev/null; done; '
const writes = 'echo x >/data/x; rm -rf /data/*; sync'

/** A guest that is given images of file systems whose bytes were changed where they say what they are, and a neighbour who must notice nothing. `images`: of each kind; `all`: also where they are for reading alone. */
export function describeHostileImages(name: string, { images, all }: { images: number; all: boolean }): void {
  describe(name, () => {
    beforeAll(async () => {
      ;[hostile, neighbour] = await Promise.all([boot(), boot()])
    }, 300_000)

    afterAll(async () => {
      for (const guest of [hostile, neighbour]) if (guest) await end(guest)
    }, 60_000)

    it.each(kinds.filter((kind) => all || !kind.readOnly))('a file system that was made to do harm is its own guest’s trouble alone: refused, repaired or used, and nobody else notices ($fsType, for reading alone: $readOnly)', { timeout: 300_000 }, async ({ fsType, readOnly, mebibytes, somewhere, seed, make }) => {
      const good = `v${fsType}${readOnly ? 'r' : 'w'}`
      await hostile.disks.make(good, mebibytes)
      await make(hostile.disks.path(good))
      const outcomes: string[] = []
      for (const [at, changes] of corpusOf(somewhere, seed, images).entries()) {
        const { disks, client } = hostile
        const serial = `${good}${at}`
        await disks.make(serial, mebibytes, good)
        for (const { at: offset, byte } of changes) await disks.patch(serial, offset, Buffer.from([byte]))
        const { attach, detach, shell } = volumeRequests(() => client)
        await disks.plug(serial)
        const used = attach('data', serial, { fsType, readOnly, format: false }).then(async ({ checked }) => {
          await shell(`user${serial}`, reads + (readOnly ? 'true' : writes), { mounts: [mounted('data')] })
          await detach('data', true)
          return checked ?? 'mounted'
        })
        // Its kernel may panic: then the pod's VM ends, and nothing answers.
        const outcome = await Promise.race([used.catch((error: { code?: string }) => error.code ?? 'lost'), hostile.machine.ended.then(() => 'ended')])
        outcomes.push(outcome)
        await neighbour.client.stats()
        if (outcome === 'ended' || outcome === 'lost') {
          const { disks: before } = hostile
          hostile = await boot()
          await hostile.disks.make(good, mebibytes)
          await run('cp', [before.path(good), hostile.disks.path(good)])
        } else {
          await client.stats()
          await disks.unplug(serial)
        }
      }
      for (const outcome of outcomes) expect(['clean', 'repaired', 'mounted', 'FilesystemDamaged', 'FilesystemMismatch', 'UnknownFilesystem', 'Internal', 'Busy', 'ended', 'lost']).toContain(outcome)
      // None is taken for blank, and made anew.
      expect(outcomes.length).toBe(images)
      expect(outcomes.some((outcome) => ['clean', 'repaired', 'mounted'].includes(outcome)), outcomes.join()).toBe(true)
      expect(outcomes.some((outcome) => ['FilesystemDamaged', 'UnknownFilesystem', 'FilesystemMismatch'].includes(outcome)), outcomes.join()).toBe(true)
    })
  })
}
