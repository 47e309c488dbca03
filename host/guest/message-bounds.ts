import { FrameError } from '@/contracts/guest/v1/frame'

/** Far above what any message has: a page of a folder has some 7000 values, and nothing is nested deeper than 6. */
const maxValues = 50_000
const maxDepth = 32
/** What cannot cost anything is not looked at. */
const smallBytes = 4096

const [quote, backslash, comma, openList, closeList, openObject, closeObject] = [0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d]

/**
 * Refuses JSON that is cheap to send and dear to parse: a megabyte of brackets makes half a million objects and holds up
 * the agent for a quarter of a second. Throws FrameError. Knows strings, and leaves all else to the parser.
 */
export function checkShape(json: Uint8Array): void {
  if (json.length <= smallBytes) return
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
      if (depth > maxDepth) throw new FrameError('a control message that is nested too deep')
    } else if (byte === closeList || byte === closeObject) depth -= 1
    if (values > maxValues) throw new FrameError('a control message of too many values')
  }
}
