import { expect, it } from 'vitest'
import { storeTrouble } from '@/domain/volume/store-trouble'
import { VmError } from '@/host/hypervisor/machine'
import { GuestRefusal } from '@/host/pods/ports'
import { ExecError } from '@/platform/exec'
import { problemOf } from './problem'
import { cephError } from './rbd/ceph-errors'
import { VolumeError, volumeErrorCodes } from './store'

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

it('what is wrong with a store is told its tenant without what only operators know: pool, monitors, users, clients', () => {
  const uid = 'd1f0a1e2-0000-4000-8000-000000000001'
  const said = '(error from 198.51.100.77:3300: no pool canary-pool for client.canary-user)'
  const ended = new ExecError('rbd', 2, null, `rbd: ${said}`, 'ended')
  for (const error of [cephError('fast', 'rbd create', ended), new VolumeError('NotFenced', uid, `look: rbd status canary-pool/ns ${said}`, { isOperators: true }), new VolumeError('Unreachable', 'fast', said)]) {
    const { reason, message } = problemOf(error, 'made')
    expect([reason, message]).toEqual([error.code, storeTrouble(error.code)])
    expect(message).not.toMatch(/canary|198\.51/)
    // The host's log has what was thrown.
    expect(error.message).toContain('canary')
  }
  expect(problemOf(new VolumeError('Refused', uid, 'The uploaded image cannot be read.'), 'made').message).toBe('The uploaded image cannot be read.')
})

it('each failure of a store has words of its own for tenants where it can be a store’s', () => {
  const ofTenants = ['SourceTooLarge', 'Refused']
  expect(volumeErrorCodes.filter((code) => storeTrouble(code) === storeTrouble(''))).toEqual(ofTenants)
})
