import type { Logger } from '@/platform/logger'

/** Compares images with their bound again and again: the disk is also filled by others. What fails is told and tried again. Returns what ends it. */
export function keepCollecting(images: { collect(): Promise<unknown> }, log: Pick<Logger, 'error'>, everyMs: number): () => void {
  const collect = () => images.collect().catch((error: unknown) => log.error({ err: error }, `images over their bound could not be removed; it is tried again in ${everyMs / 1000} s`))
  const timer = setInterval(() => void collect(), everyMs)
  return () => clearInterval(timer)
}
