import { createHash } from 'node:crypto'
import { copyFile, mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { QmpClient } from '@/host/hypervisor/qmp'
import { run } from '@/platform/exec'

/** Disks that come and go in a test machine, as raw files. */
export class VolumeDisks {
  private constructor(
    private readonly qmp: QmpClient,
    private readonly folder: string,
  ) {}

  static async open(monitorPath: string): Promise<VolumeDisks> {
    return new VolumeDisks(await QmpClient.connect(monitorPath), await mkdtemp(join(tmpdir(), 'hypernetes-volumes-')))
  }

  path(serial: string): string {
    return join(this.folder, serial)
  }

  /** Makes the file of a disk: zeros, or the copy of another one as it is at this moment. */
  async make(serial: string, mebibytes: number, copyOf?: string): Promise<void> {
    if (copyOf === undefined) await writeFile(this.path(serial), '')
    else await copyFile(this.path(copyOf), this.path(serial))
    await truncate(this.path(serial), mebibytes * 1024 * 1024)
  }

  /** Of zeros. */
  async plugNew(serial: string, mebibytes: number): Promise<void> {
    await this.make(serial, mebibytes)
    await this.plug(serial)
  }

  async plug(serial: string, readOnly = false): Promise<void> {
    await this.qmp.command('blockdev-add', { driver: 'raw', 'node-name': serial, 'read-only': readOnly, discard: 'unmap', file: { driver: 'file', filename: this.path(serial), locking: 'off', 'read-only': readOnly, discard: 'unmap' } })
    await this.qmp.command('device_add', { driver: 'virtio-blk-pci', id: `disk-${serial}`, drive: serial, serial })
  }

  /** On a SCSI bus, one of which each write to one sector fails. */
  async plugLosing(serial: string, sector: number): Promise<void> {
    await this.openFailing(serial, sector)
    await this.plugOnBus(serial, { werror: 'report' })
  }

  /** One of which each write fails, as where what it would go to is full. */
  async plugFailing(serial: string): Promise<void> {
    await this.openFailing(serial)
    await this.qmp.command('device_add', { driver: 'virtio-blk-pci', id: `disk-${serial}`, drive: serial, serial, werror: 'report' })
  }

  private async openFailing(serial: string, sector?: number): Promise<void> {
    const image = { driver: 'file', filename: this.path(serial), locking: 'off' }
    await this.qmp.command('blockdev-add', { driver: 'raw', 'node-name': serial, file: { driver: 'blkdebug', image, 'inject-error': [{ event: 'none', iotype: 'write', errno: 5, ...(sector !== undefined && { sector }) }] } })
  }

  /** On a SCSI bus of its own, as volumes are whose pods are told of a full store. */
  async plugScsi(serial: string): Promise<void> {
    await this.qmp.command('blockdev-add', { driver: 'raw', 'node-name': serial, file: { driver: 'file', filename: this.path(serial), locking: 'off' } })
    await this.plugOnBus(serial)
  }

  private async plugOnBus(serial: string, more: Record<string, unknown> = {}): Promise<void> {
    await this.qmp.command('device_add', { driver: 'virtio-scsi-pci', id: `bus-${serial}` })
    await this.qmp.command('device_add', { driver: 'scsi-hd', id: `disk-${serial}`, bus: `bus-${serial}.0`, drive: serial, serial, ...more })
  }

  async unplug(serial: string): Promise<void> {
    const id = `disk-${serial}`
    const gone = this.qmp.nextEvent(({ event, data }) => event === 'DEVICE_DELETED' && data?.device === id, `the guest's release of ${serial}`, 60_000)
    await Promise.all([gone, this.qmp.command('device_del', { id })])
    await this.qmp.command('blockdev-del', { 'node-name': serial })
  }

  async grow(serial: string, mebibytes: number): Promise<void> {
    await this.qmp.command('block_resize', { 'node-name': serial, size: mebibytes * 1024 * 1024 })
  }

  /** A file of an ext4 that no machine has mounted, read without mounting it. */
  async read(serial: string, path: string): Promise<string> {
    return (await run('/sbin/debugfs', ['-R', `cat ${path}`, this.path(serial)])).stdout
  }

  /** The sector where a file begins in an ext4 that no machine has mounted. */
  async sectorOf(serial: string, path: string): Promise<number> {
    const ask = async (request: string) => (await run('/sbin/debugfs', ['-R', request, this.path(serial)])).stdout
    const blockBytes = Number(/Block size:\s+(\d+)/.exec(await ask('show_super_stats -h'))?.[1])
    return (Number.parseInt(await ask(`blocks ${path}`), 10) * blockBytes) / 512
  }

  /** Writes into a disk's file while no machine has it. */
  async patch(serial: string, offset: number, bytes: string | Buffer): Promise<void> {
    const file = await open(this.path(serial), 'r+')
    await file.write(Buffer.from(bytes), 0, undefined, offset)
    await file.close()
  }

  async digest(serial: string): Promise<string> {
    return createHash('sha256').update(await readFile(this.path(serial))).digest('hex')
  }

  async close(): Promise<void> {
    this.qmp.close()
    await rm(this.folder, { recursive: true, force: true })
  }
}
