import { expect, it } from 'vitest'
import type { VolumeClaimView } from '@/domain/volume-claim/view'
import { claimSize, claimTrouble } from './claim-state'

const claim = (status: object, deletionTimestamp: string | null = null) => ({ metadata: { deletionTimestamp }, status: { phase: 'Pending', usedBy: [], conditions: [], ...status } }) as unknown as Pick<VolumeClaimView, 'metadata' | 'status'>
const waits = { type: 'Bound', status: 'False', reason: 'StorageClassNotFound', message: 'there is no class "fast"' }

it('a claim says what it waits for: its volume, or the pods that name it', () => {
  expect(claimTrouble(claim({ conditions: [waits] }))).toBe('there is no class "fast"')
  expect(claimTrouble(claim({ phase: 'Bound', conditions: [waits] }))).toBe('')
  const resizing = { type: 'Resizing', status: 'True', reason: 'Growing', message: 'it grows' }
  expect([claimTrouble(claim({ phase: 'Bound', conditions: [resizing] })), claimTrouble(claim({ phase: 'Bound', conditions: [{ ...resizing, reason: 'NoSpace', message: 'no room' }] }))]).toEqual(['', 'no room'])
  expect(claimTrouble(claim({ phase: 'Bound', usedBy: ['web', 'db'] }, '2026-01-01T00:00:00Z'))).toBe('It goes once no pod names it: web, db.')
  expect(claimTrouble(claim({ phase: 'Bound' }, '2026-01-01T00:00:00Z'))).toBe('It is being deleted.')
})

it('a claim says what is there, beside what it asks for as long as that is more', () => {
  const of = (storage: string, capacityBytes: number | null) => claimSize({ spec: { resources: { requests: { storage } } }, status: { capacityBytes } } as unknown as Pick<VolumeClaimView, 'spec' | 'status'>)
  expect([of('10G', null), of('2Gi', 2 ** 30), of('2Gi', 2 ** 31), of('1k', 2 ** 20), of('1Gi', 2 ** 31)]).toEqual(['asks for 10G', '1 GiB, grows to 2Gi', '2 GiB', '1 MiB', '2 GiB'])
})
