import { expect, it } from 'vitest'
import { waitsBehind } from './waiting'

const pod = { namespace: 'default', name: 'db' }
it('a pod waits for the one that has its volume, not for others that wait or read', () => {
  expect(waitsBehind('ReadWriteOnce', [{ pod: { namespace: 'default', name: 'web' }, phase: 'Waiting' }, { pod, phase: 'Attached' }])).toEqual({ reason: 'VolumeInUse', message: 'Pod "db" in namespace "default" has it: delete that pod, or clone the volume.' })
  expect(waitsBehind('ReadWriteOnce', [{ pod, phase: 'Detaching' }])?.message).toBe('Pod "db" in namespace "default" lets go of it first.')
  expect(waitsBehind('ReadWriteOnce', [{ pod: null, phase: 'Lost' }])?.message).toBe('A pod that was given up with its host may write to it still: its host has not been heard of.')
  expect([waitsBehind('ReadWriteOnce', [{ pod, phase: 'Waiting' }]), waitsBehind('ReadOnlyMany', [{ pod, phase: 'Attached' }])]).toEqual([null, null])
})
