/** Sums and maxima of one bin, as they are kept. */
export type FigureBin = {
  coveredMs: number; cpuMicroseconds: number | null; cpuPeakMilli: number | null; memorySum: number | null; memorySamples: number; memoryMax: number | null
  readBytes: number | null; writtenBytes: number | null; receivedBytes: number | null; sentBytes: number | null; diskUsedMax: number | null
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

/** What of a whole is not its parts': never below nothing, null where the whole was not measured. */
export const remainder = (whole: number | null, parts: ReadonlyArray<number | null>): number | null =>
  whole === null ? null : Math.round(Math.max(0, whole - parts.reduce<number>((sum, part) => sum + (part ?? 0), 0)) * 1000) / 1000

/** Where a line must break: true for a time that follows a gap. `times` are milliseconds, rising. */
export const gapsBefore = (times: readonly number[], stepSeconds: number): boolean[] => times.map((at, i) => i > 0 && at - (times[i - 1] ?? at) > stepSeconds * (stepSeconds <= 10 ? 2500 : 1500))
