import { expect, it } from 'vitest'
import { bytesQuantity, parseBytes } from '@/domain/shared/quantity'
import { draftOf, quotaDraft, quotaHint, wishOf } from './quota-draft'

const gib = 2 ** 30
const quota = { tenant: { id: 'a', slug: 'ann', name: 'Ann' }, quota: { volumes: { used: 3, limit: 5 }, bytes: { used: 4 * gib, limit: 100 * gib }, snapshots: { used: 1, limit: 0 } }, said: { volumes: { set: 5, usual: 100 }, bytes: { set: null, usual: 100 * gib }, snapshots: { set: 0, usual: 1000 } } }

it('a form begins with what was said, and asks for the same where nothing is changed', () => {
  const draft = draftOf(quota)
  expect(draft).toEqual({ volumes: '5', bytes: '', snapshots: '0' })
  expect(wishOf(draft)).toEqual({ volumes: 5, bytes: null, snapshots: 0 })
  expect(quotaDraft.safeParse(draft).success).toBe(true)
  expect(quotaDraft.safeParse({ ...draft, bytes: 'much' }).success).toBe(false)
})

it.each([0, 1, 1023, 1024, 1.5 * gib, 500 * gib, 2 ** 40, 2 ** 50, 2 ** 53 - 1])('%d bytes are written as what reads the same', (bytes) => {
  expect(parseBytes(bytesQuantity(bytes))).toBe(bytes)
})

it('a size is written as short as it is exact', () => {
  expect([500 * gib, 1.5 * gib, 2 ** 40, 3].map(bytesQuantity)).toEqual(['500Gi', '1536Mi', '1Ti', '3'])
})

it('what is less than in use says what follows', () => {
  expect(quotaHint(quota, 'volumes', '3')).toEqual({ use: '3 volumes in use. Empty: 100 volumes, as the platform’s setting says.', over: null })
  expect(quotaHint(quota, 'volumes', '1').over).toBe('Less than in use, by 2 volumes: nothing is removed, but no volume is made until it has less than that.')
  expect(quotaHint(quota, 'bytes', '1Gi').over).toBe('Less than in use, by 3 GiB: nothing is removed, but no volume is made or grows until it has less than that.')
  expect(quotaHint(quota, 'snapshots', '0').over).toContain('by 1 snapshot: nothing')
  expect(quotaHint(quota, 'bytes', 'nonsense').over).toBeNull()
  expect(quotaHint(quota, 'bytes', '').over).toBeNull()
})
