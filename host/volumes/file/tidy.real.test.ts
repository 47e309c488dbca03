import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { FileStore } from './file-store'

const never = new AbortController().signal

it('layers of one volume at a time are merged: the others wait for their turn', async () => {
  const root = await mkdtemp(join(tmpdir(), 'tidy-'))
  let [now, most, merges] = [0, 0, 0]
  const step = async (name: string): Promise<void> => {
    if (name === 'the merge is written down') now -= 1
    if (name !== 'the merged layer is made') return
    now += 1
    merges += 1
    most = Math.max(most, now)
    await delay(500)
  }
  const store = await FileStore.open(root, { name: 'tidied', shared: false, step })
  try {
    const uids = [randomUUID(), randomUUID(), randomUUID()]
    for (const uid of uids) {
      await store.create({ uid, sizeBytes: 2 ** 20, origin: { kind: 'blank' } }, () => {}, never)
      await store.claim(uid, 1)
      for (const snapshot of [randomUUID(), randomUUID()]) {
        await store.prepareSnapshot(uid, snapshot)
        await store.commitSnapshot(uid, snapshot)
        await store.removeSnapshot(snapshot)
      }
    }
    await Promise.all(uids.map((uid) => store.tidy(uid, () => {}, never)))
    expect([merges, most]).toEqual([3, 1])
  } finally {
    await store.close()
    await rm(root, { recursive: true, force: true })
  }
})
