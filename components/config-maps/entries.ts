import { configurationKey } from '@/domain/pod/environment'
import { base64Bytes, fromBase64, toBase64, utf8Text } from '@/domain/shared/base64'

/**
 * One key and its value in a form. `binary` is base64 of bytes that are no text; `kept` says how many bytes a Secret's value
 * has that stays as it is and is not shown.
 */
export type Entry = { id: number; key: string; text: string; binary: string | null; kept: number | null }

let last = 0
export const newEntry = (over: Partial<Entry> = {}): Entry => ({ id: ++last, key: '', text: '', binary: null, kept: null, ...over })

/** An entry of bytes: text where they are UTF-8. */
export function entryOfBytes(key: string, bytes: Uint8Array): Partial<Entry> {
  const text = utf8Text(bytes)
  return text === null || text.includes('\0') ? { key, text: '', binary: toBase64(bytes), kept: null } : { key, text, binary: null, kept: null }
}
export const entryOfBase64 = (key: string, base64: string): Partial<Entry> => entryOfBytes(key, fromBase64(base64) ?? new Uint8Array())

const isEmpty = ({ key, text, binary, kept }: Entry) => key === '' && text === '' && binary === null && kept === null

/** Why the key of an entry cannot be, or null. A row that nobody filled counts for nothing. */
export function keyProblem(entries: readonly Entry[], entry: Entry): string | null {
  if (isEmpty(entry)) return null
  const problem = configurationKey.safeParse(entry.key).error?.issues[0]?.message
  if (problem) return problem.charAt(0).toUpperCase() + problem.slice(1)
  return entries.some((other) => other.id < entry.id && other.key === entry.key) ? 'Is the key of another row' : null
}

/** What is sent: text, bytes in base64, and the keys whose values stay. */
export function toValues(entries: readonly Entry[]): { text: Record<string, string>; binary: Record<string, string>; keep: string[] } {
  const filled = entries.filter((entry) => !isEmpty(entry))
  return {
    text: Object.fromEntries(filled.filter((e) => e.binary === null && e.kept === null).map((e) => [e.key, e.text])),
    binary: Object.fromEntries(filled.flatMap((e) => (e.binary === null ? [] : [[e.key, e.binary]]))),
    keep: filled.filter((e) => e.kept !== null).map((e) => e.key),
  }
}

export const entryBytes = ({ text, binary, kept }: Entry): number => kept ?? (binary === null ? new TextEncoder().encode(text).length : base64Bytes(binary))
