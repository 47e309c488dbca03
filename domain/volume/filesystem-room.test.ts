import { expect, it } from 'vitest'
import { filesystemUse, roomVerdict } from './filesystem-room'

const use = (usedBytes: number) => ({ totalBytes: 100, usedBytes })
const said = (before: number | null, now: number) => roomVerdict(before === null ? null : use(before), use(now))?.status ?? null

it('a file system that is nearly full is said to be once, and to have room once it clearly has', () => {
  expect([said(null, 50), said(null, 89), said(89, 90), said(90, 95), said(95, 88), said(88, 91), said(95, 84), said(84, 50), said(null, 93)]).toEqual(['True', null, 'False', null, null, 'False', 'True', null, 'False'])
  expect(roomVerdict(null, { totalBytes: 10 * 2 ** 30, usedBytes: 9.5 * 2 ** 30 })?.message).toBe("9.5 GiB of the 10 GiB of its file system are taken: let it grow (volume.update {name, size}, or its claim's resources.requests.storage), or delete files that nobody needs.")
  expect([roomVerdict(use(95), null), roomVerdict(null, { totalBytes: 0, usedBytes: 0 })]).toEqual([null, null])
  expect([filesystemUse([]), filesystemUse([{ fsBytes: null, usedBytes: null }, { fsBytes: 9, usedBytes: 5 }])]).toEqual([null, { totalBytes: 9, usedBytes: 5 }])
})
