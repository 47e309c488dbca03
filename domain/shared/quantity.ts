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

/** Thousandths of a CPU, rounded up as Kubernetes does; null when the text is no quantity or negative. */
export function parseMilliCpu(text: string): number | null {
  const value = parseQuantity(text)
  return value === null || value < 0 || value > 1e6 ? null : Math.max(0, Math.ceil(value * 1000 - 1e-6))
}

/** Bytes as a person reads them: `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${value >= 100 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}
