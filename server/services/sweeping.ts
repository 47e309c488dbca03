const everyMs = 60_000

/** Does some work each minute, one time after another; what fails is told, and is tried again. Returns what ends it. */
export function sweepNowAndThen(work: () => Promise<unknown>, failed: (error: unknown) => void, ms = everyMs): () => void {
  let running = false
  const timer = setInterval(() => {
    if (running) return
    running = true
    work().catch(failed).finally(() => (running = false))
  }, ms)
  timer.unref()
  return () => clearInterval(timer)
}
