import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ext4Of } from '@/host/volumes/testing/ext4-copy'
import { fileSystemBytes, logOfStart, startedAt } from './contents'
import { Story, type DatabaseStore } from './story'

const MiB = 2 ** 20
/** Each waits for some things, one after another, and each of them may take a busy machine its time. What a step left half done cannot be begun again. */
const slow = { timeout: 900_000, retry: 0 }
/** How PostgreSQL says that it finds itself after a power cut, and after an orderly end. */
const [recovered, ended] = ['automatic recovery in progress', 'database system was shut down at']

const hasGrown = ({ fleet, pods }: Story): Promise<void> => fleet.until('the file system has grown', async () => (await pods.ask('db', fileSystemBytes)) > 300 * MiB)

type Step = (name: string, run: (story: Story) => Promise<void>) => void

/** What a database on a volume keeps, whatever store that lies in: every row that it said is committed. `more`: what only this store can. */
export function describeDatabase(name: string, store: DatabaseStore, more: (step: Step) => void = () => {}): void {
  describe(`PostgreSQL on a volume in ${name}`, () => {
    let story: Story
    let failed = ''
    beforeAll(async () => {
      story = await Story.begin(store)
    }, 900_000)
    afterAll(() => story?.end(), Infinity)
    const step: Step = (what, run) =>
      it(what, slow, async () => {
        if (failed !== '') throw new Error(`nothing to go on with: "${failed}" failed`)
        const from = performance.now()
        failed = what
        await run(story)
        failed = ''
        console.log(`  ${name}: ${what}: ${((performance.now() - from) / 1000).toFixed(0)} s`)
      })
    commonSteps(step)
    more(step)
  })
}

function commonSteps(step: Step): void {
  /** What the snapshot has at least, and once it was cloned exactly; and a row that none is above in it. */
  const snapshotted = { rows: [] as number[], none: 0 }

  step('begins on a blank one, and commits rows', async (story) => {
    const { pods, caller, tenant } = story
    await caller.volume.create({ tenant, name: 'data', spec: { size: '256Mi' } })
    await pods.create('db', 'data')
    await pods.publish('db')
    await pods.answers('db')
    await pods.ask('db', async (client) => {
      for (const setting of ['fsync', 'synchronous_commit', 'full_page_writes']) expect((await client.query(`show ${setting}`)).rows).toEqual([{ [setting]: 'on' }])
      await client.query('create table rows (n bigint primary key, body text not null)')
    })
    story.write()
    await story.moreRows(200)
  })

  step('has all of them once its pod was deleted and created anew under load', async (story) => {
    const { pods } = story
    const before = story.writer?.rows() ?? []
    await pods.remove('db')
    await pods.create('db', 'data')
    await pods.answers('db')
    await story.moreRows(100)
    await story.rowsWithAll(before)
    expect(await pods.ask('db', logOfStart)).toContain(ended)
  })

  step('goes on over a snapshot, and as its file system grows', async (story) => {
    const { pods, caller, tenant, writer } = story
    const [began, interruptions] = [await pods.ask('db', startedAt), writer?.interruptions]
    expect(await pods.ask('db', fileSystemBytes)).toBeLessThan(256 * MiB)
    snapshotted.rows = writer?.rows() ?? []
    await caller.volumeSnapshot.create({ tenant, name: 'before', spec: { source: { volumeName: 'data' } } })
    await story.snapshotIsReady('before')
    snapshotted.none = writer?.sent ?? 0
    await story.moreRows(50)
    await caller.volume.update({ tenant, name: 'data', size: '384Mi' })
    await hasGrown(story)
    await story.moreRows(50)
    expect([await pods.ask('db', startedAt), writer?.interruptions]).toEqual([began, interruptions])
    expect((await caller.pod.get({ tenant, name: 'db' })).status.containers[0]?.restartCount).toBe(0)
    await story.rowsWithAll(writer?.rows() ?? [])
  })

  step('is there in clones of the snapshot and of the volume itself, which recover from their logs', async (story) => {
    const { pods, caller, tenant } = story
    const before = story.writer?.rows() ?? []
    await caller.volume.create({ tenant, name: 'of-snapshot', spec: { size: '256Mi', source: { kind: 'Snapshot', name: 'before' } } })
    await caller.volume.create({ tenant, name: 'of-volume', spec: { size: '384Mi', source: { kind: 'Volume', name: 'data' } } })
    // One after the other: on a busy machine without KVM none of several guests would begin in its time.
    for (const name of ['of-snapshot', 'of-volume']) {
      await pods.create(name, name)
      await pods.publish(name)
      await pods.answers(name)
      expect(await pods.ask(name, logOfStart)).toContain(recovered)
    }
    snapshotted.rows = await story.rowsWithAll(snapshotted.rows, 'of-snapshot')
    expect(snapshotted.rows.at(-1)).toBeLessThanOrEqual(snapshotted.none)
    await story.rowsWithAll(before, 'of-volume')
    for (const name of ['of-snapshot', 'of-volume']) await pods.remove(name)
  })

  step('is whole in a clone of a snapshot that is FilesystemConsistent, whose file system has no journal to replay', async (story) => {
    const { pods, caller, tenant, writer } = story
    const before = writer?.rows() ?? []
    await caller.volumeSnapshot.create({ tenant, name: 'at-rest', spec: { source: { volumeName: 'data' }, consistency: 'FilesystemConsistent' } })
    await story.snapshotIsReady('at-rest')
    expect((await caller.volumeSnapshot.get({ tenant, name: 'at-rest' })).status.consistency).toBe('FilesystemConsistent')
    // Of the one that was taken without a word to the guest the same look says that it has one.
    const [atRest, loose] = [await ext4Of(await story.copyOf('at-rest')), await ext4Of(await story.copyOf('before'))]
    expect([atRest, loose.needsRecovery]).toEqual([{ needsRecovery: false, problems: '' }, true])
    await caller.volume.create({ tenant, name: 'of-rest', spec: { size: '384Mi', source: { kind: 'Snapshot', name: 'at-rest' } } })
    await pods.create('of-rest', 'of-rest')
    await pods.publish('of-rest')
    await pods.answers('of-rest')
    // The database itself was not asked to come to rest.
    expect(await pods.ask('of-rest', logOfStart)).toContain(recovered)
    await story.rowsWithAll(before, 'of-rest')
    await pods.remove('of-rest')
    await story.moreRows(50)
  })

  step('goes back to the snapshot, row by row, and works on; what it had before is kept', async (story) => {
    const { pods, caller, tenant } = story
    const before = await story.stopWriting()
    await story.rowsWithAll(before)
    await pods.remove('db')
    await story.volumeIs('data', 'Available')
    await caller.volume.revert({ tenant, name: 'data', snapshot: 'before' })
    await story.volumeIs('data', 'Available')
    const kept = (await caller.volumeSnapshot.list({ tenant })).items.find(({ metadata }) => metadata.name.startsWith('data-before-revert-'))?.metadata.name ?? ''
    await caller.volume.create({ tenant, name: 'kept', spec: { size: '384Mi', source: { kind: 'Snapshot', name: kept } } })
    await pods.create('db', 'data')
    await pods.answers('db')
    expect(await story.rowsWithAll([])).toEqual(snapshotted.rows)
    // The snapshot is from before it grew; the volume is as large as it was.
    await hasGrown(story)
    story.write(1_000_001)
    await story.moreRows(100)
    await pods.create('kept', 'kept')
    await pods.publish('kept')
    await pods.answers('kept')
    await story.rowsWithAll(before, 'kept')
    await pods.remove('kept')
    await story.rowsWithAll(story.writer?.rows() ?? [])
  })
}
