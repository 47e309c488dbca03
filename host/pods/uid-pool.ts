import { createHash } from 'node:crypto'

/** 0x70000000 to 0x7ffffffe is used neither by people, nor by subordinate ids, nor by systemd's containers. */
const firstUid = 0x7000_0000
const blockSize = 0x1_0000
const blocks = 0x0fff

/** Numbers of the accounts that VMs run as: one a pod, none shared. Two hosts' agents on one machine use other blocks. */
export class UidPool {
  private readonly base: number
  private readonly taken = new Set<number>()
  private next = 1
  constructor(hostTag: string) {
    this.base = firstUid + (createHash('sha256').update(hostTag).digest().readUInt32BE(0) % blocks) * blockSize
  }

  /** All numbers of this host, both ends included. */
  get range(): { first: number; last: number } {
    return { first: this.base, last: this.base + blockSize - 1 }
  }

  /** The first number: what runs for the host itself, never a pod's. */
  get serviceUid(): number {
    return this.base
  }

  /** A number that no other pod has. It comes back into use as late as can be. */
  take(): number {
    for (let i = 0; i < blockSize; i += 1) {
      const uid = this.base + ((this.next + i) % blockSize)
      if (this.taken.has(uid) || uid === this.serviceUid) continue
      this.next = uid - this.base + 1
      this.taken.add(uid)
      return uid
    }
    throw new Error('every account number of this host is in use')
  }

  /** Keeps the number of a pod that is there already. */
  reserve(uid: number): void {
    this.taken.add(uid)
  }

  giveBack(uid: number): void {
    this.taken.delete(uid)
  }
}
