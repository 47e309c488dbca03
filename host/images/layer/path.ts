import { malformed } from '../image-error'
import { maxNameBytes, maxPathBytes } from './limits'

/** A name as a person reads it: its bytes as UTF-8, control characters escaped, cut at 120 characters. */
export function shown(name: string): string {
  const text = JSON.stringify(Buffer.from(name, 'latin1').toString('utf8'))
  return text.length > 120 ? `${text.slice(0, 119)}…"` : text
}

/**
 * Splits an entry's name into its parts; `./` and a final slash mean nothing, the root is `[]`. Absolute names, `..`
 * and names beyond Linux' limits are refused: no honest builder writes them, and some unpackers follow them.
 */
export function entryPath(name: string, what = 'entry'): string[] {
  if (name.startsWith('/')) throw malformed(`A layer has an ${what} with the absolute name ${shown(name)}; names must be relative to the root.`)
  if (name.includes('\0')) throw malformed(`A layer has an ${what} with a NUL in its name ${shown(name)}.`)
  if (name.length > maxPathBytes) throw malformed(`A layer has an ${what} whose name is longer than ${maxPathBytes} bytes: ${shown(name)}.`)
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  for (const part of parts) {
    if (part === '..') throw malformed(`A layer has an ${what} that points out of the image: ${shown(name)}.`)
    if (part.length > maxNameBytes) throw malformed(`A layer has an ${what} with a part longer than ${maxNameBytes} bytes: ${shown(name)}.`)
  }
  return parts
}
