import { expect, it } from 'vitest'
import { dnsSubdomain } from '../shared/names'
import { consistencyRefusal, groupNames, snapshotRefusal, type SnapshotSubject } from './admission'

const volume: SnapshotSubject = { name: 'data', mode: 'Filesystem', store: 'rbd', deleted: false, stored: 'Ready', reverting: false, hostLost: false, paused: false, unfilled: false, snapshots: 0 }

it('a snapshot of a volume that is there can be taken, and of another one it is said why not', () => {
  expect(snapshotRefusal(volume)).toBeNull()
  for (const [change, words] of [
    [{ deleted: true }, 'is deleted'], [{ stored: 'Failed' }, 'failed, as its conditions say'], [{ stored: 'Creating' }, 'is stored yet'], [{ reverting: true }, 'going back'], [{ hostLost: true }, 'not been heard of'], [{ paused: true }, 'stands still'], [{ unfilled: true }, 'are not in the volume "data" yet'],
    [{ snapshots: 256 }, 'has 256 snapshots'], [{ store: 'file', snapshots: 15 }, 'has 15 snapshots'],
  ] satisfies [Partial<SnapshotSubject>, string][]) expect(snapshotRefusal({ ...volume, ...change }), words).toContain(words)
})

it('a file system can be written out where there is one', () => {
  const block = { ...volume, mode: 'Block' as const }
  expect(consistencyRefusal([block], 'CrashConsistent')).toBeNull()
  expect(consistencyRefusal([block, volume], 'FilesystemConsistent')).toBeNull()
  expect(consistencyRefusal([block], 'FilesystemConsistent')).toContain('is a block device')
})

it('snapshots of a group have names of their own, however long those of their volumes are', () => {
  expect(groupNames('now', ['data', 'log'])).toEqual(['now-data', 'now-log'])
  const long = groupNames('now', ['a', 'b', 'c'].map((end) => `${`${'x'.repeat(61)}.`.repeat(4)}${end}`).map((name) => name.slice(0, 253)))
  expect(new Set(long).size).toBe(3)
  for (const name of long) expect(dnsSubdomain.safeParse(name).success, name).toBe(true)
})
