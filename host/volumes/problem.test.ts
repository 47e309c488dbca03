import { expect, it } from 'vitest'
import { VmError } from '@/host/hypervisor/machine'
import { problemOf } from './problem'

it('a virtual machine without room for another disk is told as such, with what to do', () => {
  const error = new VmError('the volume could not be given to the VM: PCI: no slot/function available for virtio-blk-pci, all in use or reserved')
  expect(problemOf(error, 'attached')).toEqual({ reason: 'TooManyDisks', message: expect.stringContaining('Detach a volume from the pod') as string, isFinal: true })
  expect(problemOf(new VmError('the volume could not be given to the VM: no'), 'attached')).toMatchObject({ reason: 'VolumeStalled', isFinal: false })
})
