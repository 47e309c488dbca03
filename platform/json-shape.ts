const [quote, backslash, comma, openList, closeList, openObject, closeObject] = [0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d]

/**
 * What JSON has too much of, or null: it is cheap to send and dear to parse, for a megabyte of brackets makes half a million objects and holds up
 * a process for a quarter of a second. Knows strings, and leaves all else to the parser.
 */
export function excessOf(json: Uint8Array, { maxValues, maxDepth }: { maxValues: number; maxDepth: number }): 'values' | 'depth' | null {
  let values = 0
  let depth = 0
  let inString = false
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at]
    if (inString) {
      if (byte === backslash) at += 1
      else if (byte === quote) inString = false
    } else if (byte === quote) inString = true
    else if (byte === comma) values += 1
    else if (byte === openList || byte === openObject) {
      values += 1
      depth += 1
      if (depth > maxDepth) return 'depth'
    } else if (byte === closeList || byte === closeObject) depth -= 1
    if (values > maxValues) return 'values'
  }
  return null
}
