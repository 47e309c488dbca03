import { limitsGroup, rbdGraph, secretOf, serialOf, throttleNode } from '../open-image'
import type { RbdStore } from '../rbd/rbd-store'
import type { TestCeph } from './ceph'
import { QemuWriter } from './qemu-writer'

export const unlimited = { iops: null, iopsBurst: null, bytesPerSecond: null, bytesPerSecondBurst: null, burstSeconds: 60 }
const block = 64 << 10

/** A host with volumes in Ceph: its agent's store, and a QEMU. */
export class CephHost {
  private constructor(
    readonly store: RbdStore,
    readonly qemu: QemuWriter,
  ) {}

  /** `writers`: takes its QEMU, which somebody has to end. */
  static async start(ceph: TestCeph, store: RbdStore, writers: QemuWriter[]): Promise<CephHost> {
    const qemu = await QemuWriter.start(ceph.inside)
    writers.push(qemu)
    return new CephHost(store, qemu)
  }

  /** As the agent opens a volume for its guest, up to where the guest would be let in. */
  async open(uid: string, epoch: number): Promise<void> {
    await this.add(uid, epoch)
    await this.qemu.takeLock(throttleNode(serialOf(uid)))
    await this.store.confirmOpen(uid, epoch)
  }

  async add(uid: string, epoch: number, access: 'read' | 'write' = 'write'): Promise<void> {
    const image = await this.store.image(uid, access, epoch)
    if (image.kind !== 'rbd') throw new Error('this store has images of Ceph')
    const serial = serialOf(uid)
    await this.qemu.object(secretOf(serial, await image.secret()))
    await this.qemu.object(limitsGroup(serial, unlimited))
    await this.qemu.open(rbdGraph(serial, image.options, { readOnly: image.readOnly }, this.qemu.configuration))
  }

  write(uid: string, byte: number, offset = 0): Promise<void> {
    return this.qemu.write(throttleNode(serialOf(uid)), byte, offset, block)
  }

  /** 'written', or what it was told. */
  tryWrite(uid: string, byte: number, offset = 0): Promise<string> {
    return this.write(uid, byte, offset).then(() => 'written', (error: Error) => error.message)
  }

  reads(uid: string, byte: number, offset = 0): Promise<boolean> {
    return this.qemu.isFilled(throttleNode(serialOf(uid)), byte, offset, block)
  }
}
