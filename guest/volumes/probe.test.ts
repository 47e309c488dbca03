import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mountsIn } from '@/guest/volumes/mount-info'
import { contentOf, headBytes, isZero } from '@/guest/volumes/probe'

function headWith(at: number, signature: string | number[]): Uint8Array {
  const head = new Uint8Array(headBytes)
  head.set(typeof signature === 'string' ? Buffer.from(signature, 'latin1') : signature, at)
  return head
}

describe('what a disk holds', () => {
  it('is told by its signature', () => {
    const names = [
      [0x10040, '_BHRfS_M', 'btrfs'],
      [0, 'LUKS\xba\xbe', 'a LUKS container'],
      [512, 'LABELONE', 'a physical volume of LVM'],
      [4086, 'SWAPSPACE2', 'swap space'],
      [512, 'EFI PART', 'a partition table (GPT)'],
      [510, [0x55, 0xaa], 'a partition table (MBR) or a boot sector'],
    ] as const
    for (const [at, signature, name] of names) expect(contentOf(headWith(at, typeof signature === 'string' ? signature : [...signature]))).toEqual({ kind: 'other', name })
    expect(contentOf(headWith(0, 'XFSB'))).toEqual({ kind: 'xfs', fsBytes: 0 })
    expect(contentOf(new Uint8Array(headBytes))).toEqual({ kind: 'unrecognized' })
  })

  it('of ext4 tells its size, with 64 bits where it has them', () => {
    const head = headWith(1024 + 0x38, [0x53, 0xef])
    const view = new DataView(head.buffer)
    view.setUint32(1024 + 0x04, 1000, true)
    view.setUint32(1024 + 0x18, 2, true)
    view.setUint32(1024 + 0x150, 3, true)
    expect(contentOf(head)).toEqual({ kind: 'ext4', fsBytes: 1000 * 4096 })
    view.setUint32(1024 + 0x60, 0x80, true)
    expect(contentOf(head)).toEqual({ kind: 'ext4', fsBytes: (1000 + 3 * 2 ** 32) * 4096 })
  })

  it('of xfs tells its size', () => {
    const head = headWith(0, 'XFSB')
    const view = new DataView(head.buffer)
    view.setUint32(4, 4096)
    view.setUint32(8, 2)
    view.setUint32(12, 1000)
    expect(contentOf(head)).toEqual({ kind: 'xfs', fsBytes: (1000 + 2 * 2 ** 32) * 4096 })
  })

  it('is said of any bytes, however few', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => {
      expect(contentOf(bytes).kind).toBeTypeOf('string')
    }))
    fc.assert(fc.property(fc.uint8Array({ minLength: 1024, maxLength: 1024 }), (superblock) => {
      const head = headWith(1024, [...superblock])
      head.set([0x53, 0xef], 1024 + 0x38)
      const content = contentOf(head)
      expect(content.kind === 'ext4' && Number.isFinite(content.fsBytes) && content.fsBytes >= 0).toBe(true)
    }))
  })

  it('is blank only where every word is zero', () => {
    fc.assert(fc.property(fc.nat(4095), fc.integer({ min: 1, max: 255 }), (at, value) => {
      const bytes = new Uint8Array(4096)
      expect(isZero(bytes)).toBe(true)
      bytes[at] = value
      expect(isZero(bytes)).toBe(false)
    }))
  })
})

it('mounts of a device are found, the last first, with whatever letters they have, and who passes unmounts on to them', () => {
  const info = ['36 35 254:16 / /data rw,noatime shared:7 master:12 propagate_from:3 - ext4 /dev/vdb rw', '37 35 254:160 / /other rw - ext4 /dev/vdk rw', '38 36 254:16 /part /data/with\\040blank\\134 rw - ext4 /dev/vdb rw', '', 'broken'].join('\n')
  expect(mountsIn(info, '254:16')).toEqual([{ at: '/data/with blank\\', groups: [] }, { at: '/data', groups: ['7', '12'] }])
  expect(mountsIn('', '254:16')).toEqual([])
})
