import { expect, it } from 'vitest'
import { decide, type LockedVolume } from './decide'

const over = (of: Partial<LockedVolume> = {}): LockedVolume => ({ epoch: 4, hostId: 'h1', leaving: false, deleted: true, purgeAt: 1000, due: true, purging: false, revertTo: null, homeHostId: null, accessMode: 'ReadWriteOnce', store: { kind: 'rbd' }, ...of })
const purge = (now: LockedVolume) => decide([{ kind: 'beginPurge' }], over(), { volume: now, attachments: [], declared: false })

it('a volume is purged for the deletion whose time was found over, and for no later one', () => {
  expect(purge(over())).toEqual([{ kind: 'setVolume', purging: true }])
  expect(purge(over({ purgeAt: 2000 }))).toEqual([])
  expect(purge(over({ deleted: false, purgeAt: null, due: false }))).toEqual([])
})
