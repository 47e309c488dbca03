import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { startVolumeServer } from '@/server/services/volumes/testing/volume-server'
import { applyManifest, applyManifestInput } from './apply-manifest'

const guide = readFileSync(new URL('../../../docs/guides/volumes.md', import.meta.url), 'utf8')
const blocks = [...guide.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text = '']) => text)

let test: Awaited<ReturnType<typeof startVolumeServer>>
beforeAll(async () => void (test = await startVolumeServer()))
afterAll(() => test.stop())
beforeEach(() => test.clear())

/** Volumes are in files, as the usual class of the first start has them. */
it('each manifest of the guide to volumes can be applied after those before it', async () => {
  const made: string[] = []
  for (const yaml of blocks) {
    const { results } = await applyManifest(test.server, test.ann, applyManifestInput.parse({ yaml }))
    expect(results.flatMap(({ kind, problems }) => problems.map(({ message }) => `${kind}: ${message}`)), yaml).toEqual([])
    made.push(...results.map(({ kind, action }) => `${kind} ${action}`))
    // A host makes what is there by now.
    await test.db.volume.updateMany({ data: { storedPhase: 'Ready', storedSizeBytes: 10n << 30n, homeHostId: test.hostId, formatted: 'ext4' } })
  }
  expect(made).toEqual(['Volume created', 'Pod created', 'PersistentVolumeClaim created', 'VolumeSnapshot created', 'SnapshotSchedule created', 'SnapshotSchedule created'])
})
