import { expect, it } from 'vitest'
import { attachmentPhase, mayBeOpen, mayFollow, type AttachmentPhase } from './attachment'
import { volumePhaseOf, type VolumeFacts } from './state'

const ready: VolumeFacts = { deleted: false, stored: 'Ready', hasKeeper: false, hostLost: false, reverting: false, sizeBytes: 2, storedSizeBytes: 2, attachments: [] }
const attached = (phase: AttachmentPhase, paused = false) => ({ attachments: [{ phase, paused }] })
const phaseOf = (facts: Partial<VolumeFacts>) => volumePhaseOf({ ...ready, ...facts })

it('a volume is what its facts say', () => {
  expect(phaseOf({ stored: 'Absent', storedSizeBytes: null })).toBe('Pending')
  expect(phaseOf({ stored: 'Absent', storedSizeBytes: null, hasKeeper: true })).toBe('Creating')
  expect(phaseOf({ stored: 'Creating', ...attached('Attaching') })).toBe('Creating')
  expect(phaseOf({})).toBe('Available')
  expect(phaseOf(attached('Waiting'))).toBe('Available')
  expect(phaseOf(attached('Attaching'))).toBe('Attaching')
  expect(phaseOf(attached('Attached'))).toBe('InUse')
  expect(phaseOf(attached('Detaching'))).toBe('Detaching')
  expect(phaseOf({ sizeBytes: 3, ...attached('Attached') })).toBe('Growing')
  expect(phaseOf({ reverting: true })).toBe('Reverting')
  expect(phaseOf(attached('Attached', true))).toBe('Full')
  expect(phaseOf(attached('Lost'))).toBe('Lost')
  expect(phaseOf({ hostLost: true })).toBe('Lost')
  expect(phaseOf({ stored: 'Failed', ...attached('Attaching') })).toBe('Failed')
  expect(phaseOf({ stored: 'Failed', deleted: true })).toBe('Deleted')
})

it('an attachment that a host may have open ends by that host\'s word, or where it was lost', () => {
  const ends = attachmentPhase.options.filter((from) => mayFollow(from, 'Gone'))
  expect(ends).toEqual(['Waiting', 'Detaching', 'Lost'])
  expect(attachmentPhase.options.filter(mayBeOpen)).toEqual(['Attaching', 'Attached', 'Detaching', 'Lost'])
  expect(attachmentPhase.options.filter((from) => mayFollow(from, 'Waiting'))).toEqual(['Waiting'])
  expect(mayFollow('Waiting', 'Attached')).toBe(false)
  expect(mayFollow('Detaching', 'Attached')).toBe(false)
})
