import { expect, it } from 'vitest'
import type { VolumeClaimView } from '@/domain/volume-claim/view'
import { claimTrouble } from './claim-state'

const claim = (status: object, deletionTimestamp: string | null = null) => ({ metadata: { deletionTimestamp }, status: { phase: 'Pending', usedBy: [], conditions: [], ...status } }) as unknown as Pick<VolumeClaimView, 'metadata' | 'status'>
const waits = { type: 'Bound', status: 'False', reason: 'StorageClassNotFound', message: 'there is no class "fast"' }

it('a claim says what it waits for: its volume, or the pods that name it', () => {
  expect(claimTrouble(claim({ conditions: [waits] }))).toBe('there is no class "fast"')
  expect(claimTrouble(claim({ phase: 'Bound', conditions: [waits] }))).toBe('')
  expect(claimTrouble(claim({ phase: 'Bound', usedBy: ['web', 'db'] }, '2026-01-01T00:00:00Z'))).toBe('It goes once no pod names it: web, db.')
  expect(claimTrouble(claim({ phase: 'Bound' }, '2026-01-01T00:00:00Z'))).toBe('It is being deleted.')
})
