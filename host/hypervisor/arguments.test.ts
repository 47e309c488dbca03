import { expect, test } from 'vitest'
import { qemuArguments } from './arguments'
import type { Accelerator, BootMode, VmShape } from './machine'

const accelerators: Accelerator[] = [{ kind: 'kvm', cpu: 'host' }, { kind: 'tcg', cpu: 'max', tbSizeMiB: 32 }]
const boots: BootMode[] = ['template', 'clone', 'cold']

const shape = (boot: BootMode, accelerator: Accelerator): VmShape => ({
  ...{ boot, accelerator, machine: 'pc-i440fx-7.2', vcpus: 2, memoryMiB: 256, mac: '52:54:00:12:34:56' },
  kernelArguments: ['console=ttyS0', 'quiet'],
})

/** One option a line, its value beside it. */
function layout(args: string[]): string {
  return `${args.reduce((text, arg) => (arg.startsWith('-') && text ? `${text}\n${arg}` : text ? `${text} ${arg}` : arg), '')}\n`
}

for (const accelerator of accelerators) {
  for (const boot of boots) {
    test(`arguments of a ${boot} under ${accelerator.kind}`, async () => {
      await expect(layout(qemuArguments(shape(boot, accelerator)))).toMatchFileSnapshot(`golden/${boot}-${accelerator.kind}.txt`)
    })
  }
}

test('a clone has the devices of its template, in the same places', () => {
  const devices = (boot: BootMode) => {
    const args = qemuArguments(shape(boot, { kind: 'tcg', cpu: 'max', tbSizeMiB: 32 }))
    return args.filter((_, i) => ['-device', '-machine', '-accel', '-cpu', '-smp', '-m'].includes(args[i - 1] ?? ''))
  }
  expect(devices('clone')).toEqual(devices('template'))
})

test('no VM is given anything that hands memory back to the host', () => {
  for (const boot of boots) expect(qemuArguments(shape(boot, { kind: 'kvm', cpu: 'host' })).join(' ')).not.toMatch(/balloon|virtio-mem|virtio-pmem|free-page/)
})
