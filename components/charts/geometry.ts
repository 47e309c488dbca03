export type Values = ReadonlyArray<number | null>
/** A layer of a chart: `base` and `top` of its area at each time, both null where nothing was measured. */
export type Band = { base: number; top: number } | null

/** Round numbers from 0 to at least `max`, three to five of them, in steps of 1, 2 or 5 (of 1, 2 or 4 times a power of two for bytes). */
export function niceTicks(max: number, binary = false): number[] {
  if (!(max > 0)) return [0, 1]
  const power = binary ? 2 ** Math.floor(Math.log2(max / 4)) : 10 ** Math.floor(Math.log10(max / 4))
  const step = (binary ? [1, 2] : [1, 2, 5, 10]).map((factor) => factor * power).find((each) => each * 4 >= max) ?? power * (binary ? 4 : 10)
  return Array.from({ length: Math.ceil(max / step - 1e-9) + 1 }, (_, i) => i * step)
}

/** Layers on top of each other. Where none of them was measured there is nothing; one that alone was not counts as 0. */
export function stackBands(layers: readonly Values[], length: number): Band[][] {
  const heights = new Array<number>(length).fill(0)
  const measured = Array.from({ length }, (_, i) => layers.some((layer) => (layer[i] ?? null) !== null))
  return layers.map((layer) => Array.from({ length }, (_, i) => {
    if (!measured[i]) return null
    const base = heights[i] ?? 0
    heights[i] = base + (layer[i] ?? 0)
    return { base, top: base + (layer[i] ?? 0) }
  }))
}

/** Layers over each other, each from the bottom. */
export const plainBands = (layers: readonly Values[], length: number): Band[][] => layers.map((layer) => Array.from({ length }, (_, i) => ((layer[i] ?? null) === null ? null : { base: 0, top: layer[i] ?? 0 })))

/** The stretches without a gap: indices of their first and last time. `breaks` says which times follow a gap. */
export function stretches(bands: readonly Band[], breaks: readonly boolean[]): [first: number, last: number][] {
  const found: [number, number][] = []
  for (const [i, band] of bands.entries()) {
    if (band === null) continue
    const last = found.at(-1)
    if (last && last[1] === i - 1 && !breaks[i]) last[1] = i
    else found.push([i, i])
  }
  return found
}

/** The index of the time that is nearest; -1 for none. `times` rise. */
export function nearest(times: readonly number[], at: number): number {
  let low = 0
  let high = times.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((times[middle] ?? 0) < at) low = middle + 1
    else high = middle
  }
  return low > 0 && at - (times[low - 1] ?? 0) < (times[low] ?? 0) - at ? low - 1 : high
}

const minute = 60_000
const steps = [minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute, 60 * minute, 2 * 60 * minute, 3 * 60 * minute, 6 * 60 * minute, 12 * 60 * minute, 24 * 60 * minute, 2 * 24 * 60 * minute, 5 * 24 * 60 * minute, 10 * 24 * 60 * minute]

/** Round times between two, at most `most`; `offsetMinutes` is the reader's zone as Date tells it. */
export function timeTicks(from: number, to: number, most: number, offsetMinutes: number): number[] {
  const step = steps.find((each) => (to - from) / each <= most) ?? (to - from) / most
  const shift = offsetMinutes * minute
  const ticks: number[] = []
  for (let at = Math.ceil((from - shift) / step) * step + shift; at <= to; at += step) ticks.push(at)
  return ticks
}
