/** Binary and decimal suffixes of Kubernetes' resource.Quantity. */
const suffixes: Record<string, number> = {
  n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18,
  Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60,
}

/** Parses a Kubernetes quantity (`128Mi`, `0.5`, `250m`, `1e3`) to a number in its base unit, or null when it is none. */
export function parseQuantity(text: string): number | null {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i))?$/.exec(text)
  if (!match) return null
  const number = Number(match[1] + (match[2] ?? ''))
  const factor = suffixes[match[3] ?? '']
  return factor === undefined || !Number.isFinite(number) ? null : number * factor
}

/** Bytes, rounded up to whole ones; null when the text is no quantity or negative. */
export function parseBytes(text: string): number | null {
  const value = parseQuantity(text)
  return value === null || value < 0 || value > Number.MAX_SAFE_INTEGER ? null : Math.max(0, Math.ceil(value - 1e-9))
}

const binary = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi'] as const
/** Bytes as a manifest writes them, exactly: `500Gi`. */
export function bytesQuantity(bytes: number): string {
  const fits = binary.findLastIndex((_, at) => bytes > 0 && bytes % 2 ** (10 * (at + 1)) === 0)
  return fits < 0 ? String(bytes) : `${bytes / 2 ** (10 * (fits + 1))}${binary[fits]}`
}

/** Thousandths of a CPU, rounded up as Kubernetes does; null when the text is no quantity or negative. */
export function parseMilliCpu(text: string): number | null {
  const value = parseQuantity(text)
  return value === null || value < 0 || value > 1e6 ? null : Math.max(0, Math.ceil(value * 1000 - 1e-6))
}

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** Bytes as a person reads them, the same in messages and on pages: `1.5 GiB`, `99.9 GiB`, `1,000 GiB`; a tenth below 100, and never `1,024` of a unit that has a larger one. */
export function formatBytes(bytes: number): string {
  const rounded = (value: number, unit: number): number => (value < 100 && unit > 0 ? Math.round(value * 10) / 10 : Math.round(value))
  let value = bytes
  let unit = 0
  while (rounded(value, unit) >= 1024 && unit < byteUnits.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${rounded(value, unit).toLocaleString('en')} ${byteUnits[unit]}`
}
