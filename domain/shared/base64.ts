/** Base64 (RFC 4648, with padding) that works in browsers as on servers. */
export function toBase64(bytes: Uint8Array): string {
  let binary = ''
  // A call takes so many arguments at most.
  for (let i = 0; i < bytes.length; i += 0x2000) binary += String.fromCharCode(...bytes.subarray(i, i + 0x2000))
  return btoa(binary)
}

export const textToBase64 = (text: string): string => toBase64(new TextEncoder().encode(text))

/** The bytes of base64 text; null when it is none. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null
  try {
    return Uint8Array.from(atob(text), (c) => c.charCodeAt(0))
  } catch {
    return null
  }
}

/** How many bytes a base64 text stands for, without decoding it. */
export const base64Bytes = (text: string): number => (text.length / 4) * 3 - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0)

/** The text of bytes that are UTF-8; null when they are not. A byte order mark is kept. */
export function utf8Text(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}
