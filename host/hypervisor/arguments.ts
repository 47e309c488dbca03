import { agentPortName, imageSerial, scratchSerial } from '@/contracts/guest/v1/machine'
import { continues, descriptors, sockets, type Accelerator, type VmShape } from './machine'

const reopened = (descriptor: number) => `/proc/self/fd/${descriptor}`

/**
 * QEMU's arguments for a VM, without the binary: pure, and the same for a template and its clones but for what the saved
 * state does not hold (memory's sharing, the kernel's files). PCI addresses are fixed so that a saved device always finds
 * itself again. No balloon and no virtio-mem, ever: giving memory back would punch holes into the template.
 */
export function qemuArguments(shape: VmShape): string[] {
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-vga', 'none', '-no-reboot'],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...['-machine', `${shape.machine},memory-backend=ram,dump-guest-core=off,vmport=off`],
    ...processor(shape),
    ...memory(shape),
    ...kernel(shape),
    ...['-chardev', 'ringbuf,id=console,size=65536', '-serial', 'chardev:console'],
    ...['-chardev', `socket,id=qmp,path=${sockets.qmp},server=on,wait=off`, '-mon', 'chardev=qmp,mode=control'],
    ...['-chardev', `socket,id=files,path=${sockets.files},server=on,wait=off`, '-mon', 'chardev=files,mode=control'],
    ...devices(shape),
    ...(continues(shape.boot) ? ['-incoming', 'defer'] : []),
  ]
}

/**
 * What a machine's processors are said by, to QEMU and to the guest's kernel. Software emulation leaves out the barriers of a machine that never has more than one (QEMU's `CF_PARALLEL`, by `maxcpus` in accel/tcg/tcg-accel-ops-mttcg.c), although devices
 * work beside it in threads of their own: a guest and its disk then overlook each other's last word now and again, and a request hangs for good. With room for a second one, which never comes, they are kept (docs/adr/0065).
 * That one has a socket of its own, for a processor with two cores would tell programs that it has them, and the guest keeps nothing for it.
 */
export function processors(kind: Accelerator['kind'], vcpus: number): { smp: string; kernel: readonly string[] } {
  if (kind === 'kvm' || vcpus > 1) return { smp: `${vcpus},maxcpus=${vcpus}`, kernel: [] }
  return { smp: '1,maxcpus=2,sockets=2,cores=1,threads=1', kernel: ['possible_cpus=1'] }
}

function processor({ accelerator, vcpus }: VmShape): string[] {
  const accel = accelerator.kind === 'kvm' ? 'kvm' : `tcg,tb-size=${accelerator.tbSizeMiB}`
  return ['-accel', accel, '-cpu', accelerator.cpu, '-smp', processors(accelerator.kind, vcpus).smp]
}

/** No merging of equal pages between tenants, and no guest memory in dumps. */
function memory({ boot, memoryMiB }: VmShape): string[] {
  const common = `size=${memoryMiB}M,merge=off,dump=off`
  const object =
    boot === 'cold' || boot === 'copy'
      ? `memory-backend-ram,id=ram,${common}`
      : `memory-backend-file,id=ram,${common},mem-path=${reopened(descriptors.memory)},share=${boot === 'template' ? 'on' : 'off'}`
  return ['-m', `${memoryMiB}M`, '-object', object]
}

/** A clone never boots: it is given the kernel's first bytes alone, which saves it a copy of kernel and initramfs. */
function kernel({ accelerator, boot, kernelArguments, vcpus }: VmShape): string[] {
  const initramfs = continues(boot) ? [] : ['-initrd', reopened(descriptors.initramfs)]
  return ['-kernel', reopened(descriptors.kernel), ...initramfs, '-append', [...kernelArguments, ...processors(accelerator.kind, vcpus).kernel].join(' ')]
}

function devices({ mac }: VmShape): string[] {
  return [
    ...['-device', 'virtio-serial-pci,id=serial0,max_ports=2,addr=3'],
    ...['-chardev', `socket,id=agent,path=${sockets.agent},server=on,wait=off`],
    ...['-device', `virtserialport,bus=serial0.0,nr=1,chardev=agent,name=${agentPortName}`],
    ...['-netdev', `tap,id=net0,fd=${descriptors.tap}`],
    ...['-device', `virtio-net-pci,id=nic0,netdev=net0,mac=${mac},romfile=,addr=4`],
    ...['-add-fd', `set=1,fd=${descriptors.image}`],
    ...['-blockdev', 'driver=file,node-name=image0,filename=/dev/fdset/1,read-only=on,locking=off'],
    ...['-device', `virtio-blk-pci,id=disk-image0,drive=image0,serial=${imageSerial(0)},addr=5`],
    ...['-add-fd', `set=2,fd=${descriptors.scratch}`],
    // What a pod writes here dies with it: a flush need not reach the disk.
    ...['-blockdev', 'driver=file,node-name=scratch,filename=/dev/fdset/2,cache.no-flush=on,discard=unmap,locking=off'],
    ...['-device', `virtio-blk-pci,id=disk-scratch,drive=scratch,serial=${scratchSerial},addr=6`],
    ...['-object', 'rng-builtin,id=rng0', '-device', 'virtio-rng-pci,rng=rng0,addr=7'],
    // A clone's guest sees another id and makes its random numbers anew.
    ...['-device', 'vmgenid,guid=auto'],
  ]
}
