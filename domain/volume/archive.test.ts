import { describe, expect, it } from 'vitest'
import { readArchive, readQcow2 } from './archive'

/** A header as `qemu-img create -f qcow2` writes it, with changes at offsets. */
function header(change: { u32?: Record<number, number>; u64?: Record<number, bigint> } = {}): Uint8Array {
  const bytes = new Uint8Array(512)
  const view = new DataView(bytes.buffer)
  for (const [at, value] of [[0, 0x5146_49fb], [4, 3], [20, 16]] as const) view.setUint32(at, value)
  view.setBigUint64(24, 1n << 30n)
  for (const [at, value] of Object.entries(change.u32 ?? {})) view.setUint32(Number(at), value)
  for (const [at, value] of Object.entries(change.u64 ?? {})) view.setBigUint64(Number(at), value)
  return bytes
}
const refusal = (bytes: Uint8Array, length = 200_000): string => {
  const read = readArchive(bytes, length)
  return 'refusal' in read ? read.refusal : 'none'
}

describe('an archive', () => {
  it('is a qcow2 by its magic, or raw', () => {
    expect(readArchive(header(), 200_000)).toEqual({ format: 'qcow2', virtualBytes: 2 ** 30 })
    expect(readArchive(header({ u64: { 72: 0b11001n } }), 200_000)).toEqual({ format: 'qcow2', virtualBytes: 2 ** 30 })
    expect(readArchive(new Uint8Array(512), 1024)).toEqual({ format: 'raw', virtualBytes: 1024 })
    expect(readArchive(header().subarray(1), 1024)).toEqual({ format: 'raw', virtualBytes: 1024 })
  })

  it('that names other files, or makes no sense, is refused', () => {
    expect(refusal(header({ u64: { 8: 1n } }))).toContain('holds only what differs from another image')
    expect(refusal(header({ u64: { 72: 4n } }))).toContain('its data lies in another file')
    expect(refusal(header({ u64: { 72: 2n } }))).toContain('it is damaged')
    expect(refusal(header({ u32: { 32: 1 } }))).toBe('it is encrypted')
    expect(refusal(header({ u32: { 4: 1 } }))).toBe('it is a qcow2 of version 1')
    for (const bits of [8, 22]) expect(refusal(header({ u32: { 20: bits } }))).toBe('its header makes no sense')
    expect(refusal(header({ u64: { 24: 0n } }))).toBe('it is empty')
    expect(readArchive(header({ u64: { 24: (1n << 44n) + 1n } }), 200_000)).toMatchObject({ tooLarge: true })
    expect(refusal(header(), 100)).toBe('it is no qcow2')
    expect(refusal(header().subarray(0, 50), 50)).toBe('it is no qcow2')
    expect(refusal(new Uint8Array(10), 10)).toContain('a raw one has a multiple of 512 bytes')
    expect(refusal(new Uint8Array(0), 0)).toBe('it is empty')
    expect(readArchive(new Uint8Array(512), 2 ** 44 + 512)).toMatchObject({ tooLarge: true })
    expect(readQcow2(new Uint8Array(512), 200_000)).toEqual({ refusal: 'it is no qcow2', tooLarge: false })
  })
})
