import fc from 'fast-check'
import { expect, it } from 'vitest'
import { base64Bytes, fromBase64, textToBase64, toBase64, utf8Text } from './base64'

it('gives back the bytes that it took, and their number', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const text = toBase64(bytes)
      expect(fromBase64(text)).toEqual(new Uint8Array(bytes))
      expect(base64Bytes(text)).toBe(bytes.length)
    }),
  )
})

it('takes large values and all of Unicode', () => {
  const text = 'ä€😀'.repeat(100_000)
  expect(utf8Text(fromBase64(textToBase64(text))!)).toBe(text)
})

it.each(['a', 'ab=c', 'a===', 'ab c', '%%%%', 'YQ=='.slice(0, 3)])('refuses %j', (text) => expect(fromBase64(text)).toBeNull())
it('tells bytes that are no text', () => expect(utf8Text(new Uint8Array([0xff, 0xfe]))).toBeNull())
