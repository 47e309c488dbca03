import { maxControlBytes } from '@/contracts/guest/v1/frame'
import type { WriteFilesParams } from '@/contracts/guest/v1/messages'

type Files = WriteFilesParams['files']

const maxFiles = 1024
/** Leaves room for the rest of a request; a single file's content is at most 768 KiB of base64 beside its path. */
const maxBytes = maxControlBytes - 64 * 1024
/** Of a file in JSON beside its content and path. */
const overhead = 128

/** Parts files into requests that each fit one control frame; there is always a last one, which commits. */
export function requestsOf(files: Files): { part: Files; isLast: boolean }[] {
  const parts: Files[] = [[]]
  let bytes = 0
  for (const file of files) {
    const size = file.contentBase64.length + 2 * Buffer.byteLength(file.path) + overhead
    const last = parts.at(-1)
    if (last && (last.length === 0 || (bytes + size <= maxBytes && last.length < maxFiles))) {
      last.push(file)
      bytes += size
    } else {
      parts.push([file])
      bytes = size
    }
  }
  return parts.map((part, index) => ({ part, isLast: index === parts.length - 1 }))
}
