import type { Logger } from '@/platform/logger'
import type { HostNetwork } from '../host-network'

/** What others change is found after so long at most, and repaired at once: within the 10 s that are promised. */
export const WATCH_MS = 4_000

type WatchOptions = {
  network: Pick<HostNetwork, 'mend'>
  log: Logger
  /** Pods whose device was gone: what runs of them holds a dead one. */
  onLostTaps: (podUids: readonly string[]) => void
  everyMs?: number
}

/**
 * Looks again and again whether other programs changed the host's networks, and has it repaired. Looks never overlap. Returns what ends it, once the
 * look under way is over.
 */
export function watchNetworks({ network, log, onLostTaps, everyMs = WATCH_MS }: WatchOptions): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> = Promise.resolve()
  let ended = false
  const look = async () => {
    try {
      const { repairs, lostTaps } = await network.mend()
      if (repairs.length > 0) log.warn({ repairs, lostTaps }, 'repaired what other programs changed of this host’s networks')
      if (lostTaps.length > 0) onLostTaps(lostTaps)
    } catch (error) {
      log.error({ err: error }, 'a look at this host’s networks failed; the next one tries again')
    }
    if (!ended) wait()
  }
  const wait = () => {
    timer = setTimeout(() => (looking = look()), everyMs)
    timer.unref()
  }
  wait()
  return () => {
    ended = true
    clearTimeout(timer)
    return looking
  }
}
