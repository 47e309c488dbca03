import { link, mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { disksFolder, VmError } from './machine'
import type { QmpClient } from './qmp'
import { vmFolder } from './start-qemu'

/** A raw disk file to be plugged into a running VM, for reading. `serial` is how the guest finds it: 1 to 20 letters, digits, - and _. */
export type Disk = { serial: string; file: string }

/** The arguments of QEMU's `blockdev-add` and `device_add` for one more disk. */
export function plugArguments(serial: string): [Record<string, unknown>, Record<string, unknown>] {
  const node = nodeName(serial)
  return [
    { driver: 'file', 'node-name': node, filename: `${disksFolder}/${serial}`, locking: 'off', 'read-only': true },
    { driver: 'virtio-blk-pci', id: `disk-${serial}`, drive: node, serial },
  ]
}

const nodeName = (serial: string) => `plugged-${serial}`

const serialPattern = /^[A-Za-z0-9_-]{1,20}$/

/**
 * Plugs disks into one VM. QEMU may reach no file but those in its folder: a disk gets a second name there (a hard link,
 * so it must lie on the same file system), stays root's and is readable.
 */
export class Disks {
  constructor(
    private readonly qmp: QmpClient,
    private readonly runDir: string,
  ) {}

  /** Plugs a disk in; when it fails nothing of it stays. The guest sees it soon after. Throws VmError. */
  async plug({ serial, file }: Disk): Promise<void> {
    if (!serialPattern.test(serial)) throw new VmError(`"${serial}" is no serial of a disk`)
    const name = this.linkOf(serial)
    await this.offer(file, name)
    const node = nodeName(serial)
    try {
      const [open, plug] = plugArguments(serial)
      await this.qmp.command('blockdev-add', open)
      try {
        await this.qmp.command('device_add', plug)
      } catch (error) {
        await this.qmp.command('blockdev-del', { 'node-name': node }).catch(() => {})
        throw error
      }
    } catch (error) {
      await rm(name, { force: true })
      throw error
    }
  }

  /** Asks the guest to give the disk back and takes it away. Throws VmError when the guest does not within `timeoutMs`. */
  async unplug(serial: string, timeoutMs = 10_000): Promise<void> {
    const id = `disk-${serial}`
    const gone = this.qmp.nextEvent((event) => event.event === 'DEVICE_DELETED' && event.data?.device === id, `unplugging disk ${serial}`, timeoutMs)
    gone.catch(() => {})
    await this.qmp.command('device_del', { id })
    await gone
    await this.qmp.command('blockdev-del', { 'node-name': nodeName(serial) })
    await rm(this.linkOf(serial), { force: true })
  }

  private linkOf(serial: string): string {
    return join(vmFolder(this.runDir), disksFolder, serial)
  }

  private async offer(file: string, name: string): Promise<void> {
    await mkdir(join(vmFolder(this.runDir), disksFolder), { recursive: true, mode: 0o711 })
    if (((await stat(file)).mode & 0o004) === 0) throw new VmError(`${file} must be readable by everybody (its folder need not be)`)
    await rm(name, { force: true })
    await link(file, name)
  }
}
