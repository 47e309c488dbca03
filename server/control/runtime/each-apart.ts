/** Does it for each, so many at a time, whatever becomes of the others. What failed is thrown together at the end, so that the key comes again. */
export async function eachApart<T>(items: readonly T[], work: (item: T) => Promise<unknown>, atOnce = 1): Promise<void> {
  const failures: unknown[] = []
  for (let i = 0; i < items.length; i += atOnce) {
    const settled = await Promise.allSettled(items.slice(i, i + atOnce).map(async (item) => work(item)))
    failures.push(...settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : [])))
  }
  if (failures.length === 1) throw failures[0]
  if (failures.length > 1) throw new AggregateError(failures.slice(0, 10), `${failures.length} of ${items.length} failed`)
}
