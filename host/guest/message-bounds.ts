import { FrameError } from '@/contracts/guest/v1/frame'
import { excessOf } from '@/platform/json-shape'

/** Far above what any message has: a page of a folder has some 7000 values, and nothing is nested deeper than 6. */
const bounds = { maxValues: 50_000, maxDepth: 32 }
/** What cannot cost anything is not looked at. */
const smallBytes = 4096

/** Refuses JSON that is cheap to send and dear to parse. Throws FrameError. */
export function checkShape(json: Uint8Array): void {
  const excess = json.length <= smallBytes ? null : excessOf(json, bounds)
  if (excess !== null) throw new FrameError(excess === 'depth' ? 'a control message that is nested too deep' : 'a control message of too many values')
}
