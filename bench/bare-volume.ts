import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { agentPortName } from '@/contracts/guest/v1/machine'
import type { GuestKernel } from '@/host/hypervisor/machine'
import { processors } from '@/host/hypervisor/arguments'
import { QmpClient } from '@/host/hypervisor/qmp'
import { GuestShell, shellAnswers } from '@/host/hypervisor/testing/shell-guest'
import type { Image } from '@/host/volumes/store'

/** How one opens an image by hand: a file by its name, past the host's page cache or not; or an image of Ceph. */
export type BareImage = { file: string; direct: boolean } | { ceph: Extract<Image, { kind: 'rbd' }> }

/** `inside`: put before QEMU, it runs in another network. */
export type BareOptions = { folder: string; guest: GuestKernel; tbSizeMiB: number; inside?: readonly string[] }

/** QEMU and its monitor alone, with the same guest, machine, memory and translation buffer as a pod's VM: no jail, no user, no filter, no limits, and disks by their names. */
export class BareVolume {
  private constructor(
    private readonly folder: string,
    private readonly child: ChildProcess,
    readonly qmp: QmpClient,
    readonly shell: GuestShell,
  ) {}

  static async start({ folder, guest, tbSizeMiB, inside = [] }: BareOptions): Promise<BareVolume> {
    const [monitor, port] = [join(folder, 'bare.qmp'), join(folder, 'bare.port')]
    const args = [
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-vga', 'none', '-no-reboot', '-accel', `tcg,tb-size=${tbSizeMiB}`, '-cpu', 'max', '-smp', processors('tcg', 1).smp, '-M', 'pc,vmport=off', '-m', '128M'],
      ...['-kernel', guest.kernel, '-initrd', guest.initramfs, '-append', [...guest.arguments, ...processors('tcg', 1).kernel].join(' '), '-chardev', 'ringbuf,id=console,size=65536', '-serial', 'chardev:console'],
      ...['-qmp', `unix:${monitor},server=on,wait=off`, '-device', 'virtio-serial-pci,max_ports=2', '-chardev', `socket,id=agent,path=${port},server=on,wait=off`, '-device', `virtserialport,chardev=agent,name=${agentPortName}`],
      ...['-object', 'rng-builtin,id=rng0', '-device', 'virtio-rng-pci,rng=rng0'],
    ]
    const [command = '', ...rest] = [...inside, 'qemu-system-x86_64', ...args]
    const child = spawn(command, rest, { stdio: ['ignore', 'ignore', 'inherit'] })
    const connect = async (): Promise<QmpClient> => {
      for (;;) {
        try {
          return await QmpClient.connect(monitor)
        } catch (error) {
          if (child.exitCode !== null) throw error
          await delay(5)
        }
      }
    }
    const qmp = await connect()
    await shellAnswers(port, AbortSignal.timeout(120_000))
    return new BareVolume(folder, child, qmp, await GuestShell.connect(port))
  }

  /** Puts it into a control group, one folder of it in each hierarchy. */
  async enter(folders: readonly string[]): Promise<void> {
    for (const folder of folders) await writeFile(join(folder, 'cgroup.procs'), String(this.child.pid))
  }

  /** As one would by hand. */
  async plug(serial: string, image: BareImage): Promise<void> {
    await this.qmp.command('blockdev-add', 'file' in image ? fileNode(serial, image) : await this.cephNode(serial, image.ceph))
    await this.qmp.command('device_add', { driver: 'virtio-blk-pci', id: `disk-${serial}`, drive: serial, serial })
  }

  /** A disk of bytes as they are, for reading. */
  async plugRaw(serial: string, file: string): Promise<void> {
    await this.qmp.command('blockdev-add', { driver: 'file', 'node-name': serial, filename: file, 'read-only': true })
    await this.qmp.command('device_add', { driver: 'virtio-blk-pci', id: `disk-${serial}`, drive: serial, serial })
  }

  private async cephNode(serial: string, { options: { namespace, ...options }, secret }: Extract<Image, { kind: 'rbd' }>): Promise<Record<string, unknown>> {
    const conf = join(this.folder, 'bare-ceph.conf')
    await writeFile(conf, '[global]\nlog_file =\nadmin_socket =\n')
    await this.qmp.command('object-add', { 'qom-type': 'secret', id: `key-${serial}`, format: 'base64', data: await secret() })
    return { driver: 'rbd', 'node-name': serial, discard: 'unmap', cache: { direct: true }, ...options, ...(namespace === null ? {} : { namespace }), 'key-secret': `key-${serial}`, conf }
  }

  async unplug(serial: string): Promise<void> {
    const gone = this.qmp.nextEvent(({ event, data }) => event === 'DEVICE_DELETED' && data?.device === `disk-${serial}`, 'the end of a disk', 20_000)
    await this.qmp.command('device_del', { id: `disk-${serial}` })
    await gone
    await this.qmp.command('blockdev-del', { 'node-name': serial })
  }

  async stop(): Promise<void> {
    this.shell.close()
    this.qmp.close()
    this.child.kill('SIGKILL')
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit')
  }
}

function fileNode(serial: string, { file, direct }: Extract<BareImage, { file: string }>): Record<string, unknown> {
  const common = { discard: 'unmap', cache: { direct } }
  return { driver: 'qcow2', 'node-name': serial, ...common, file: { driver: 'file', filename: file, ...common } }
}
