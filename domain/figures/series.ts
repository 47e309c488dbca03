/** Sums and maxima of one bin, as they are kept. */
export type FigureBin = {
  coveredMs: number; cpuMicroseconds: number | null; cpuPeakMilli: number | null; memorySum: number | null; memorySamples: number; memoryMax: number | null
  readBytes: number | null; writtenBytes: number | null; receivedBytes: number | null; sentBytes: number | null; diskUsedMax: number | null
  /** New ones, of a service. */
  connections?: number | null
}

/** What a bin says as people read it; null for what was not measured. */
export function binValues(bin: FigureBin | undefined) {
  const rate = (grown: number | null | undefined) => (bin && grown !== null && grown !== undefined && bin.coveredMs > 0 ? Math.round((grown * 1000) / bin.coveredMs) : null)
  const processors = (milli: number | null) => (milli === null ? null : Math.round(milli) / 1000)
  return {
    cpu: processors(bin && bin.cpuMicroseconds !== null && bin.coveredMs > 0 ? bin.cpuMicroseconds / bin.coveredMs : null),
    cpuPeak: processors(bin?.cpuPeakMilli ?? null),
    memoryBytes: bin && bin.memorySum !== null && bin.memorySamples > 0 ? Math.round(bin.memorySum / bin.memorySamples) : null,
    memoryPeakBytes: bin?.memoryMax ?? null,
    readBytesPerSecond: rate(bin?.readBytes),
    writtenBytesPerSecond: rate(bin?.writtenBytes),
    diskUsedBytes: bin?.diskUsedMax ?? null,
    receivedBytesPerSecond: rate(bin?.receivedBytes),
    sentBytesPerSecond: rate(bin?.sentBytes),
  }
}

/** What passed through a service in one bin, as several hosts counted it; null where none of them did. Connections a second to three digits. */
export function serviceBinValues(bins: readonly FigureBin[]) {
  const rates = (grown: (bin: FigureBin) => number | null | undefined) => bins.flatMap((bin) => {
    const value = grown(bin)
    return value === null || value === undefined || bin.coveredMs <= 0 ? [] : [(value * 1000) / bin.coveredMs]
  })
  const total = (values: readonly number[], digits: number) => (values.length === 0 ? null : Math.round(values.reduce((sum, value) => sum + value, 0) * digits) / digits)
  return { connectionsPerSecond: total(rates((bin) => bin.connections), 1000), receivedBytesPerSecond: total(rates((bin) => bin.receivedBytes), 1), sentBytesPerSecond: total(rates((bin) => bin.sentBytes), 1) }
}

/** What of a whole is not its parts': never below nothing, null where the whole was not measured. */
export const remainder = (whole: number | null, parts: ReadonlyArray<number | null>): number | null =>
  whole === null ? null : Math.round(Math.max(0, whole - parts.reduce<number>((sum, part) => sum + (part ?? 0), 0)) * 1000) / 1000

/** Where a line must break: true for a time that follows a gap. `times` are milliseconds, rising. */
export const gapsBefore = (times: readonly number[], stepSeconds: number): boolean[] => times.map((at, i) => i > 0 && at - (times[i - 1] ?? at) > stepSeconds * (stepSeconds <= 10 ? 2500 : 1500))
