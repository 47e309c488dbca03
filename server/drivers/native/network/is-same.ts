/** Long lists that were found to be the same: many objects share them. */
const sameLists = new WeakMap<object, WeakSet<object>>()
const worthKnowing = 16

/** Whether two values of JSON say the same. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (!Array.isArray(a) || !Array.isArray(b)) {
    const [of, other] = [Object.entries(a), new Map(Object.entries(b))]
    return of.length === other.size && of.every(([key, value]) => other.has(key) && isSame(value, other.get(key)))
  }
  if (a.length !== b.length) return false
  if (sameLists.get(a)?.has(b)) return true
  const same = a.every((one, i) => isSame(one, b[i]))
  if (same && a.length >= worthKnowing) sameLists.set(a, (sameLists.get(a) ?? new WeakSet()).add(b))
  return same
}
