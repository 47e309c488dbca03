import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBase64, decodeText, decodeTextLeniently, encodeText } from '@/guest/text'

describe('text in the guest', () => {
  it('is UTF-8 both ways, as everywhere', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        expect(Buffer.from(encodeText(text)).equals(Buffer.from(text))).toBe(true)
        expect(decodeText(Buffer.from(text))).toBe(text)
      }),
    )
    const long = 'é%20ü€😀'.repeat(5000)
    expect(decodeText(encodeText(long))).toBe(long)
    expect(Buffer.from(encodeText('a\ud800b')).toString()).toBe('a\ufffdb')
  })

  it('refuses other bytes, or reads them as Latin-1 where anything will do', () => {
    expect(() => decodeText(new Uint8Array([0x61, 0xff]))).toThrow(URIError)
    expect(decodeTextLeniently(new Uint8Array([0x61, 0xff]))).toBe('aÿ')
  })

  it('reads base64', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(decodeBase64(Buffer.from(bytes).toString('base64'))).toEqual(bytes)
      }),
    )
  })
})
