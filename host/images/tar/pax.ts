/** Records of a pax extended header: keys are latin1 strings, values bytes (an xattr's value may be anything). */
export type PaxRecords = Map<string, Buffer>

/** Decodes `LENGTH KEY=VALUE\n` records; null where they are malformed. */
export function decodePax(data: Buffer): PaxRecords | null {
  const records: PaxRecords = new Map()
  let at = 0
  while (at < data.length && data[at] !== 0) {
    const blank = data.indexOf(0x20, at)
    const digits = blank < 0 ? '' : data.toString('latin1', at, blank)
    if (!/^[1-9][0-9]{0,8}$/.test(digits)) return null
    const end = at + Number(digits)
    const equals = data.indexOf(0x3d, blank)
    if (end > data.length || equals < 0 || equals >= end || data[end - 1] !== 0x0a) return null
    records.set(data.toString('latin1', blank + 1, equals), data.subarray(equals + 1, end - 1))
    at = end
  }
  return records
}

/** Encodes records; the length counts its own digits. */
export function encodePax(records: Iterable<readonly [string, Buffer]>): Buffer {
  const parts: Buffer[] = []
  for (const [key, value] of records) {
    const rest = Buffer.concat([Buffer.from(` ${key}=`, 'latin1'), value, Buffer.from('\n')])
    let length = rest.length + 1
    while (String(length).length + rest.length !== length) length = String(length).length + rest.length
    parts.push(Buffer.from(String(length)), rest)
  }
  return Buffer.concat(parts)
}
