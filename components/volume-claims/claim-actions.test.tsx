import { expect, it } from 'vitest'
import { volumeSpec } from '@/domain/volume/spec'
import type { VolumePhase } from '@/domain/volume/state'
import type { VolumeView } from '@/domain/volume/view'
import { claimActionsFor } from './claim-actions'

const metadata = { uid: 'u', namespace: 'shop', name: 'logs', labels: {}, annotations: {}, resourceVersion: '1', generation: 1, creationTimestamp: '', deletionTimestamp: null }
const limits = { iops: null, iopsBurst: null, bytesPerSecond: null, bytesPerSecondBurst: null, burstSeconds: null, ofClass: [] }
const volumeIn = (phase: VolumePhase): VolumeView => ({ metadata: { ...metadata, name: 'pvc-1' }, spec: volumeSpec.parse({ size: '1Gi' }), status: { phase, sizeBytes: 1, storedBytes: null, filesystem: null, formatted: null, storageClass: 'standard', limits, store: 'local', homeHost: null, host: null, claim: { namespace: 'shop', name: 'logs' }, attachments: [], restorableUntil: null, progress: null, conditions: [] } })
const uses = (volume: string | null, known?: VolumeView) => claimActionsFor('ann', { metadata, status: { volume } }, () => {}, known).filter(({ id }) => ['attach', 'snapshot', 'clone', 'limits'].includes(id))

it('what can be done to the volume of a claim is done from the claim', () => {
  expect(uses('pvc-1').map(({ label, href, disabledReason }) => [label, href, disabledReason])).toEqual([
    ['Attach volume', '/t/ann/volumes/pvc-1/attach', undefined],
    ['Take snapshot', '/t/ann/volumes/pvc-1/snapshots-new', undefined],
    ['Clone volume', '/t/ann/volumes-new?from=Volume%2Fpvc-1', undefined],
    ['Set limits', '/t/ann/volumes/pvc-1/limits', undefined],
  ])
})
it('nothing of that is possible without a volume, or while the volume’s state forbids it', () => {
  for (const { disabledReason } of uses(null)) expect(disabledReason).toContain('It has no volume yet')
  const [attach, snapshot, , limits] = uses('pvc-1', volumeIn('Reverting'))
  expect([attach?.disabledReason, snapshot?.disabledReason, limits?.disabledReason]).toEqual([expect.stringContaining('goes back to a snapshot'), expect.stringContaining('going back'), undefined])
})
