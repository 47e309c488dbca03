const minute = 60
const hour = 60 * minute
const day = 24 * hour

/**
 * At which resolutions figures are kept, the finest first; all in seconds. A level is removed only once the next one was
 * made from it. The finest is kept a little longer than the hour that is shown of it.
 */
export const figureLevels = [
  { resolution: 10, keep: hour + 10 * minute },
  { resolution: minute, keep: day + hour },
  { resolution: 10 * minute, keep: 7 * day + 6 * hour },
  { resolution: hour, keep: 30 * day },
] as const
export const rawResolution = figureLevels[0].resolution

export const figureRanges = ['1h', '6h', '24h', '7d', '30d'] as const
export type FigureRange = (typeof figureRanges)[number]

/** How long each range is, from which level it is read, and how far its points are apart; in seconds. At most 361 points. */
export const figureRange: Record<FigureRange, { seconds: number; resolution: number; step: number }> = {
  '1h': { seconds: hour, resolution: 10, step: 10 },
  '6h': { seconds: 6 * hour, resolution: minute, step: minute },
  '24h': { seconds: day, resolution: minute, step: 5 * minute },
  '7d': { seconds: 7 * day, resolution: 10 * minute, step: 30 * minute },
  '30d': { seconds: 30 * day, resolution: hour, step: 2 * hour },
}
