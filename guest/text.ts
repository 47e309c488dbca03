/** UTF-8 for QuickJS, which has neither TextEncoder nor TextDecoder. */

// One call takes its characters as arguments, of which there may be only so many.
const charactersPerCall = 8192

const beyondAscii = /[\u0080-\u00ff]/

/** Bytes as UTF-8 text. Throws URIError on what is not UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  let binary = ''
  for (let at = 0; at < bytes.length; at += charactersPerCall) {
    // In QuickJS several times as fast as spread arguments.
    binary += Reflect.apply(String.fromCharCode, undefined, bytes.subarray(at, at + charactersPerCall))
  }
  if (!beyondAscii.test(binary)) return binary
  return decodeURIComponent(binary.replace(/[%\u0080-\u00ff]/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`))
}

/** Bytes as text for messages and system files: what is not UTF-8 is read as Latin-1. */
export function decodeTextLeniently(bytes: Uint8Array): string {
  try {
    return decodeText(bytes)
  } catch {
    return String.fromCharCode(...bytes.subarray(0, charactersPerCall))
  }
}

/** Text as UTF-8; a lone surrogate becomes U+FFFD. */
export function encodeText(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length * 3)
  let length = 0
  for (let at = 0; at < text.length; at += 1) {
    let code = text.charCodeAt(at)
    if (code < 0x80) {
      bytes[length++] = code
      continue
    }
    if (code >= 0xd800 && code < 0xe000) {
      const low = text.charCodeAt(at + 1)
      if (code < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
        at += 1
      } else code = 0xfffd
    }
    if (code < 0x800) bytes[length++] = 0xc0 | (code >> 6)
    else {
      if (code < 0x10000) bytes[length++] = 0xe0 | (code >> 12)
      else {
        bytes[length++] = 0xf0 | (code >> 18)
        bytes[length++] = 0x80 | ((code >> 12) & 0x3f)
      }
      bytes[length++] = 0x80 | ((code >> 6) & 0x3f)
    }
    bytes[length++] = 0x80 | (code & 0x3f)
  }
  return bytes.slice(0, length)
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const values = new Int8Array(256).fill(-1)
for (let value = 0; value < alphabet.length; value += 1) values[alphabet.charCodeAt(value)] = value

/** The bytes of a base64 text; what is not of its alphabet is skipped. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  let length = 0
  let bits = 0
  let held = 0
  for (let at = 0; at < text.length; at += 1) {
    const value = values[text.charCodeAt(at)] ?? -1
    if (value < 0) continue
    held = ((held << 6) | value) & 0xffffff
    bits += 6
    if (bits < 8) continue
    bits -= 8
    bytes[length++] = held >> bits
  }
  return bytes.slice(0, length)
}
