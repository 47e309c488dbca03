/** Levenshtein's distance: how many letters differ, are missing or too many. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    row = next
  }
  return row[b.length]!
}

/** The known name that was probably meant: at most a third of its letters differ, or one begins with the other. Null where none is near. */
export function nearest(name: string, known: readonly string[]): string | null {
  const text = name.slice(0, 64).toLowerCase()
  const near = known.map((one) => ({ one, far: distance(text, one) })).sort((a, b) => a.far - b.far)[0]
  if (near && near.far <= Math.max(1, Math.floor(near.one.length / 3))) return near.one
  return known.find((one) => text.length >= 3 && (one.startsWith(text) || text.startsWith(one))) ?? null
}
