import { maxControlBytes } from '@/contracts/guest/v1/frame'
import type { WriteFilesParams } from '@/contracts/guest/v1/requests'

type Files = WriteFilesParams['files']

const maxFiles = 1024
/** Leaves room for the rest of a request. */
const maxBytes = maxControlBytes - 64 * 1024
/** Characters of base64 of one file in one request. A multiple of four: each piece is decoded alone. */
const maxContent = 512 * 1024
/** Of a file in JSON beside its content and path. */
const overhead = 128

/** A file as pieces, each of which goes behind the one before. */
function* piecesOf(file: Files[number]): Generator<Files[number], void, undefined> {
  const { contentBase64 } = file
  if (contentBase64.length <= maxContent) return yield file
  for (let at = 0; at < contentBase64.length; at += maxContent) yield { ...file, contentBase64: contentBase64.slice(at, at + maxContent), ...(at > 0 ? { append: true } : {}) }
}

/** Parts files, large ones themselves too, into requests in order that each fit one control frame; there is always a last one, which commits. */
export function requestsOf(files: Files): { part: Files; isLast: boolean }[] {
  const parts: Files[] = [[]]
  let bytes = 0
  for (const file of files.flatMap((one) => [...piecesOf(one)])) {
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
