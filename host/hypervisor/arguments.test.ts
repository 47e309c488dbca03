import { expect, test } from 'vitest'
import { guestKernelArguments } from '@/contracts/guest/v1/machine'
import { qemuArguments } from './arguments'
import { plugArguments } from './disks'
import { placeholderMac, type Accelerator, type BootMode, type VmShape } from './machine'

const accelerators: Accelerator[] = [{ kind: 'kvm', cpu: 'host' }, { kind: 'tcg', cpu: 'max', tbSizeMiB: 32 }]
const boots: BootMode[] = ['template', 'clone', 'copy', 'cold']

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

/** Every other kind of VM that there is: the extremes of size, the processor models that are tried, what boots without a tenant. */
const others: Record<string, VmShape> = {
  'smallest-cold': { ...shape('cold', { kind: 'tcg', cpu: 'max', tbSizeMiB: 8 }), vcpus: 1, memoryMiB: 128, kernelArguments: guestKernelArguments },
  'smallest-clone': { ...shape('clone', { kind: 'tcg', cpu: 'max', tbSizeMiB: 8 }), vcpus: 1, memoryMiB: 128, kernelArguments: guestKernelArguments },
  'largest-cold': { ...shape('cold', { kind: 'kvm', cpu: 'host' }), vcpus: 64, memoryMiB: 1_048_576, kernelArguments: guestKernelArguments },
  'largest-clone': { ...shape('clone', { kind: 'kvm', cpu: 'host' }), vcpus: 64, memoryMiB: 1_048_576, kernelArguments: guestKernelArguments },
  'emulated-wide': { ...shape('cold', { kind: 'tcg', cpu: 'max', tbSizeMiB: 1024 }), vcpus: 16, memoryMiB: 6144 },
  'probe-max': { ...shape('cold', { kind: 'kvm', cpu: 'max' }), vcpus: 1, mac: placeholderMac },
  'probe-qemu64': { ...shape('cold', { kind: 'kvm', cpu: 'qemu64' }), vcpus: 1, mac: placeholderMac },
  'service-template': { ...shape('template', { kind: 'tcg', cpu: 'max', tbSizeMiB: 32 }), vcpus: 1, memoryMiB: 128, mac: placeholderMac, kernelArguments: guestKernelArguments },
  'newer-machine': { ...shape('clone', { kind: 'kvm', cpu: 'host' }), machine: 'pc-i440fx-10.0' },
}

for (const [name, each] of Object.entries(others)) {
  test(`arguments of ${name}`, async () => {
    await expect(layout(qemuArguments(each))).toMatchFileSnapshot(`golden/${name}.txt`)
  })
}

test('what QEMU is told for further images', async () => {
  const told = [plugArguments('image1'), plugArguments('image2')].flat()
  await expect(`${told.map((each) => JSON.stringify(each)).join('\n')}\n`).toMatchFileSnapshot('golden/plugged.txt')
})

test('every VM is without defaults, in its sandbox, and has one NIC and no way to a file but its descriptors', () => {
  const shapes = [...Object.values(others), ...accelerators.flatMap((accelerator) => boots.map((boot) => shape(boot, accelerator)))]
  for (const args of shapes.map(qemuArguments)) {
    expect(args).toEqual(expect.arrayContaining(['-nodefaults', '-no-user-config', '-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny']))
    expect(args.filter((arg) => arg === '-netdev')).toHaveLength(1)
    expect(args.filter((arg) => arg.includes('/') && !/(^|=)\/(proc\/self\/fd\/\d|dev\/fdset\/\d)(,|$)/.test(arg) && arg !== '-append' && !arg.startsWith('console='))).toEqual([])
  }
})

test('what goes on from a template has its devices, in the same places', () => {
  const devices = (boot: BootMode) => {
    const args = qemuArguments(shape(boot, { kind: 'tcg', cpu: 'max', tbSizeMiB: 32 }))
    return args.filter((_, i) => ['-device', '-machine', '-accel', '-cpu', '-smp', '-m'].includes(args[i - 1] ?? ''))
  }
  expect(devices('clone')).toEqual(devices('template'))
  expect(devices('copy')).toEqual(devices('template'))
})

test('software emulation keeps its barriers: no VM of it has room for one processor alone, and its guest knows of no other', () => {
  const of = (vcpus: number, accelerator: Accelerator) => {
    const args = qemuArguments({ ...shape('cold', accelerator), vcpus })
    return [args[args.indexOf('-smp') + 1], args[args.indexOf('-append') + 1]]
  }
  const [kvm, tcg] = [{ kind: 'kvm', cpu: 'host' }, { kind: 'tcg', cpu: 'max', tbSizeMiB: 32 }] as const
  expect([of(1, tcg), of(2, tcg), of(1, kvm)]).toEqual([['1,maxcpus=2,sockets=2,cores=1,threads=1', 'console=ttyS0 quiet possible_cpus=1'], ['2,maxcpus=2', 'console=ttyS0 quiet'], ['1,maxcpus=1', 'console=ttyS0 quiet']])
})

test('no VM is given anything that hands memory back to the host', () => {
  for (const boot of boots) expect(qemuArguments(shape(boot, { kind: 'kvm', cpu: 'host' })).join(' ')).not.toMatch(/balloon|virtio-mem|virtio-pmem|free-page/)
})
