'use client'
import { useEffect, useRef, type ReactNode } from 'react'
import { takeEarlyClick } from './early-clicks'

/** Once the page listens, does what was pressed before it did; not a second time where React got that press after all. */
export function EarlyClicksDone({ children }: { children: ReactNode }) {
  const heard = useRef(false)
  useEffect(() => {
    const button = takeEarlyClick()
    if (button?.isConnected && !heard.current) button.click()
  }, [])
  return <div className="contents" onClickCapture={() => { heard.current = true }}>{children}</div>
}
