import { expect, it } from 'vitest'
import { VmError } from '@/host/hypervisor/machine'
import { GuestRefusal } from '@/host/pods/ports'
import { problemOf } from './problem'

it('a virtual machine without room for another disk is told as such, with what to do', () => {
  const error = new VmError('the volume could not be given to the VM: PCI: no slot/function available for virtio-blk-pci, all in use or reserved')
  expect(problemOf(error, 'attached')).toEqual({ reason: 'TooManyDisks', message: expect.stringContaining('Detach a volume from the pod') as string, isFinal: true })
  expect(problemOf(new VmError('the volume could not be given to the VM: no'), 'attached')).toMatchObject({ reason: 'VolumeStalled', isFinal: false })
})

it('a guest of an earlier version is told as such, by what it does not know', () => {
  const unknown = (method: string) => problemOf(new GuestRefusal('InvalidRequest', `the pod's guest agent does not know ${method}`, method), 'mounted')
  expect(unknown('addVolumeDevice')).toEqual({ reason: 'RestartNeeded', message: expect.stringMatching(/block devices to containers as they start alone.*in its spec/) as string, isFinal: true })
  expect(unknown('mountVolume')).toEqual({ reason: 'RestartNeeded', message: expect.stringContaining('knows no volumes') as string, isFinal: true })
})
