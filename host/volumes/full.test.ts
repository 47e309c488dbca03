import { expect, it } from 'vitest'
import type { VolumeFault } from '@/host/hypervisor/volume-disks'
import { FakeClock } from '@/host/pods/testing/fake-clock'
import { FullWatch } from './full'
import { MemoryVm } from './testing/memory-vm'
import { PodVms } from './vms'

it.each([
  ['File too large', 'as long as it may become'],
  ['Input/output error', 'does not carry out what it asks for'],
])('a pod that stands still for "%s" is told for what, and what to do', (reason, said) => {
  const vm = new MemoryVm()
  const told: string[] = []
  const fault: VolumeFault = { serial: 'v1', operation: 'write', noSpace: false, paused: true, reason }
  const watch = new FullWatch(new PodVms([], () => {}).up('pod', vm.machine, vm.guest), { clock: new FakeClock(), log: { warn: () => {} }, has: () => true, freeBytes: async () => 0, paused: () => {}, tell: (_type, why, _serial, message) => void told.push(`${why} ${message}`) })
  vm.fault(fault)
  watch.end()
  expect(told).toEqual([expect.stringMatching(/^VolumeStalled The pod stands still: .*nothing is lost/i)])
  expect(told[0]).toContain(said)
})
