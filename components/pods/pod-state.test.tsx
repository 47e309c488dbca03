import { expect, it } from 'vitest'
import type { PodView } from '@/domain/pod/view'
import { volumesWaitedFor } from './pod-state'

const message = 'Volume "data" is attached to pod "first" in namespace "default": delete that pod, or clone the volume.'
const waits = (reason: string, phase: PodView['status']['phase'] = 'Starting') =>
  volumesWaitedFor({ status: { phase, conditions: [{ type: 'VolumesAvailable', status: 'False', reason, message, lastTransitionTime: '' }], reason: '', message: '', containers: [], podIP: null, podIPs: [], hostName: null, observedGeneration: 1, accelerator: null, startMode: null, startSteps: [], startedAt: null } })

it('a pod that cannot start for want of a volume says for which, and what helps; while that only takes its time its step is said', () => {
  expect([waits('VolumeInUse'), waits('VolumeNotFound', 'Scheduled')]).toEqual([message, message])
  expect([waits('Attaching'), waits('VolumeInUse', 'Running'), waits('VolumeInUse', 'Stopping')]).toEqual([undefined, undefined, undefined])
})
