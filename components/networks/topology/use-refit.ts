import { useEffect, useEffectEvent, type RefObject } from 'react'

/** Calls `refit` when an element's size, in CSS pixels, is another than it was; not for the first size, and not while it is not shown. */
export function useRefit(frame: RefObject<HTMLElement | null>, refit: (size: { width: number; height: number }) => void): void {
  const changed = useEffectEvent(refit)
  useEffect(() => {
    const element = frame.current
    if (!element) return
    let last = ''
    const observer = new ResizeObserver(() => {
      const { width, height } = element.getBoundingClientRect()
      if (width === 0 || height === 0) return
      const size = `${width} ${height}`
      if (last !== '' && last !== size) changed({ width, height })
      last = size
    })
    observer.observe(element)
    return () => observer.disconnect()
  }, [frame])
}
