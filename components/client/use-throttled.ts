import { useEffect, useRef } from 'react'

/** `act` at most every `ms()`, at the end of the span in which it was asked for; not after the page has gone. */
export function useThrottled(act: () => void, ms: () => number): () => void {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => () => { clearTimeout(timer.current); timer.current = undefined }, [])
  return () => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined
      act()
    }, ms())
  }
}
