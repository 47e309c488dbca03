import { setTimeout as delay } from 'node:timers/promises'

/** One thing that is counted. `slack`: by how much more may be there afterwards; null where it grows with time and is told alone. */
export type Count = { name: string; value: number; slack: number | null; names?: readonly string[] }

/** What is more (or, where nothing may differ, less) than it was. What was counted only once of both times is a difference too. */
export function differences(before: readonly Count[], after: readonly Count[]): string[] {
  const missing = before.filter(({ name }) => !after.some((each) => each.name === name)).map(({ name, value }) => `${name}: ${value} before, not counted after`)
  const changed = after.flatMap(({ name, value, slack, names = [] }) => {
    const was = before.find((each) => each.name === name)
    if (!was) return [`${name}: not counted before, ${value} after`]
    if (![value, was.value].every(Number.isFinite)) return [`${name}: ${was.value} before, ${value} after`]
    if (slack === null || (value <= was.value + slack && (slack > 0 || value === was.value))) return []
    const more = names.filter((each) => !was.names?.includes(each))
    return [`${name}: ${was.value} before, ${value} after${more.length > 0 ? ` (${more.slice(0, 20).join(', ')})` : ''}`]
  })
  return [...missing, ...changed]
}

/** What ends takes a moment: this is how long it may. */
export const SETTLE_MS = 120_000

/** Counts until it is as it was; what there is then, with what is left after two minutes. */
export async function settle(count: () => Promise<Count[]>, before: readonly Count[], pauseMs: number): Promise<{ after: Count[]; left: string[] }> {
  const end = Date.now() + SETTLE_MS
  for (;;) {
    const after = await count()
    const left = differences(before, after)
    if (left.length === 0 || Date.now() > end) return { after, left }
    await delay(pauseMs)
  }
}
