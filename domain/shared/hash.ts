/** FNV-1a, 32 bits: spreads names evenly, and tells apart those that were shortened. Nothing may rest on it that somebody could gain by. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash
}
