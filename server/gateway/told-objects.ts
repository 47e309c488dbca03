import { createHash } from 'node:crypto'
import type { z } from 'zod'

/** As of networks: a message of a host's stream is some 4 MiB at most. In characters of JSON. */
const maxCharacters = 4 << 20
const maxObjectCharacters = 8 << 20
const maxObjects = 5_000

/** `text`: its digest; `length`: of its JSON. */
export type Prepared<T> = { key: string; object: T; text: string; length: number }
export type Misshapen = { key: string; problem: string }
/** A part of what a host is told, without the kind of message that it is. */
export type ToldPart<T> = { complete: boolean; set: T[]; remove: string[]; more?: true }

/** What one connection of a host has been told of objects of one sort: of each a digest of what was said last. */
export class ToldObjects<T> {
  private known: Map<string, string> | null = null

  /**
   * @param schema as which hosts take an object
   * @param keyOf what names it, and its removal
   */
  constructor(
    private readonly schema: z.ZodType,
    private readonly keyOf: (object: T) => string,
  ) {}

  has(key: string): boolean {
    return this.known?.has(key) ?? false
  }

  /** Objects with their digests; what is not as agreed with hosts is left out, for a host would refuse all of the message. */
  prepare(objects: readonly T[]): { prepared: Prepared<T>[]; misshapen: Misshapen[] } {
    const misshapen: Misshapen[] = []
    const prepared = objects.flatMap((object): Prepared<T>[] => {
      const key = this.keyOf(object)
      const json = JSON.stringify(object)
      const text = createHash('sha256').update(json).digest('base64')
      const one = { key, object, text, length: json.length }
      if (this.known?.get(key) === text) return [one]
      const issue = this.schema.safeParse(object).error?.issues[0]
      const problem = issue ? `${issue.path.join('.')} ${issue.message}` : json.length > maxObjectCharacters ? 'too large' : null
      if (problem !== null) misshapen.push({ key, problem })
      return problem === null ? [one] : []
    })
    return { prepared, misshapen }
  }

  /** Those that may be told as they are now, or as they may be. They were found to be as agreed before: that some of it is left out changes nothing about that. */
  narrow(objects: readonly Prepared<T>[], mayBe: (object: T) => T | null): Prepared<T>[] {
    return objects.flatMap((one) => {
      const object = mayBe(one.object)
      if (object === null) return []
      return object === one.object ? [one] : this.prepare([object]).prepared
    })
  }

  /**
   * What makes the host know these objects and no others; nothing where it does. They count as told. With `only`, the objects are those of which it accepts
   * the key, and of others nothing is said.
   */
  parts(objects: readonly Prepared<T>[], only: (key: string) => boolean = () => true): ToldPart<T>[] {
    const before = this.known
    const set = objects.filter(({ key, text }) => before?.get(key) !== text)
    const now = new Map(objects.map(({ key, text }) => [key, text]))
    const remove = [...(before?.keys() ?? [])].filter((key) => only(key) && !now.has(key))
    this.known = new Map([...(before ?? []), ...now])
    for (const key of remove) this.known.delete(key)
    if (before && set.length === 0 && remove.length === 0) return []
    const parts = inParts(set)
    return parts.map((part, i) => ({ complete: !before && i === 0, set: part, remove: i === 0 ? remove : [], ...(i < parts.length - 1 ? { more: true as const } : {}) }))
  }
}

/** At least one part. */
function inParts<T>(set: readonly Prepared<T>[]): T[][] {
  const parts: T[][] = [[]]
  let room = maxCharacters
  for (const { object, length } of set) {
    const last = parts.at(-1)
    if (last && (last.length === 0 || (length <= room && last.length < maxObjects))) last.push(object)
    else {
      parts.push([object])
      room = maxCharacters
    }
    room -= length
  }
  return parts
}
