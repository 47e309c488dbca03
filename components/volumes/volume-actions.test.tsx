import { expect, it } from 'vitest'
import { volumeSpec } from '@/domain/volume/spec'
import type { VolumePhase } from '@/domain/volume/state'
import type { VolumeView } from '@/domain/volume/view'
import { volumeActionsFor } from './volume-actions'

const metadata = { uid: 'u', name: 'data', labels: {}, annotations: {}, resourceVersion: '1', generation: 1, creationTimestamp: '', deletionTimestamp: null }
const status = { sizeBytes: 1, storedBytes: null, filesystem: null, formatted: null, storageClass: 'standard', limits: { iops: null, iopsBurst: null, bytesPerSecond: null, bytesPerSecondBurst: null, burstSeconds: null, ofClass: [] }, store: 'local', homeHost: null, host: null, claim: null, attachments: [], restorableUntil: null, progress: null, conditions: [] }
const actions = (phase: VolumePhase, claim: { namespace: string; name: string } | null = null, reverting: VolumeView['status']['reverting'] = null) => volumeActionsFor('ann', { metadata, spec: volumeSpec.parse({ size: '1Gi' }), status: { ...status, claim, phase, reverting } }, { onDelete: () => {}, onRestore: () => {}, onStopRevert: () => {} })
const reasons = (phase: VolumePhase) => Object.fromEntries(actions(phase).map(({ id, disabledReason }) => [id, disabledReason]))

it.each([
  ['Pending', 'nothing of the volume "data" is stored yet'], ['Creating', 'nothing of the volume'], ['Failed', 'the volume "data" failed'], ['Reverting', 'is going back to a snapshot'], ['Lost', 'has not been heard of'], ['Full', 'stands still, for its store is full'],
] as const)('of one that is %s nothing is copied, and why is said before a form is filled in', (phase, why) => {
  const { snapshot, clone } = reasons(phase)
  expect(snapshot?.toLowerCase()).toContain(why.toLowerCase())
  expect(clone).toBe(snapshot)
})
it('one that is there is copied, and takes what the server takes', () => {
  expect([reasons('Available'), reasons('InUse')].map(({ snapshot, clone, grow, delete: remove }) => [snapshot, clone, grow, remove])).toEqual([[undefined, undefined, undefined, undefined], [undefined, undefined, undefined, undefined]])
})
it('one of a claim grows with that, where it is asked for', () => {
  const grow = (claim: Parameters<typeof actions>[1]) => actions('InUse', claim).find(({ id }) => id === 'grow')
  expect(grow({ namespace: 'shop', name: 'logs' })).toMatchObject({ label: 'Grow claim', href: '/t/ann/volume-claims/shop/logs?grow=1', disabledReason: undefined })
  expect(grow(null)).toMatchObject({ label: 'Grow volume', href: '/t/ann/volumes/data/grow' })
})
it('going back can be stopped while what it has now is being kept, also while its host is silent; after that why not is said', () => {
  const stop = (phase: VolumePhase, keptFirst?: string | null) => actions(phase, null, keptFirst === undefined ? null : { snapshot: 'first', keptFirst }).find(({ id }) => id === 'stop-revert')
  expect([stop('Reverting', 'kept'), stop('Lost', 'kept')]).toMatchObject([{ disabledReason: undefined }, { disabledReason: undefined }])
  expect(stop('Reverting', null)?.disabledReason).toContain('takes it back already')
  expect([stop('Available'), stop('Lost')]).toEqual([undefined, undefined])
})
it('one that pods only read does not grow, and says what to do', () => {
  const spec = volumeSpec.parse({ size: '1Gi', accessMode: 'ReadOnlyMany', source: { kind: 'Snapshot', name: 'first' } })
  const [grow] = volumeActionsFor('ann', { metadata, spec, status: { ...status, phase: 'Available' } }, { onDelete: () => {}, onRestore: () => {}, onStopRevert: () => {} }).filter(({ id }) => id === 'grow')
  expect(grow?.disabledReason).toContain('make a larger one of it')
})
