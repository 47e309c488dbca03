/**
 * Elements of a map that come in parts, such as one of each service: keys are of one part alone, and values name neither chains nor
 * counters. What of it changed is found by looking at the parts, which are the same objects where they did not.
 */
export class JoinedMap implements ReadonlyMap<string, string> {
  constructor(readonly parts: readonly ReadonlyMap<string, string>[]) {}

  get size(): number {
    return this.parts.reduce((sum, { size }) => sum + size, 0)
  }

  get(key: string): string | undefined {
    return this.parts.find((part) => part.has(key))?.get(key)
  }

  has(key: string): boolean {
    return this.parts.some((part) => part.has(key))
  }

  forEach(work: (value: string, key: string, map: ReadonlyMap<string, string>) => void): void {
    for (const [key, value] of this) work(value, key, this)
  }

  *entries(): MapIterator<[string, string]> {
    for (const part of this.parts) yield* part
  }

  *keys(): MapIterator<string> {
    for (const part of this.parts) yield* part.keys()
  }

  *values(): MapIterator<string> {
    for (const part of this.parts) yield* part.values()
  }

  [Symbol.iterator](): MapIterator<[string, string]> {
    return this.entries()
  }
}

/** Of two maps what may differ: where both come in parts, those that they do not share. */
export function differingParts(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): [before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>] {
  if (!(before instanceof JoinedMap && after instanceof JoinedMap)) return [before, after]
  const [old, fresh] = [new Set(before.parts), new Set(after.parts)]
  return [new Map(new JoinedMap(before.parts.filter((part) => !fresh.has(part)))), new Map(new JoinedMap(after.parts.filter((part) => !old.has(part))))]
}
