'use client'
import { lazy, Suspense, useSyncExternalStore } from 'react'
import { giveStylesTheNonce } from './style-nonce'

type Notice = { title: string; detail?: string; tone?: 'neutral' | 'error'; action?: { label: string; run: () => void } }

// sonner writes its style as it is loaded.
giveStylesTheNonce()

let wanted = false
const listeners = new Set<() => void>()
const subscribe = (listener: () => void) => { listeners.add(listener); return () => listeners.delete(listener) }
const LazyToaster = lazy(() => import('./toaster').then((module) => ({ default: module.ThemedToaster })))

/** Says what just happened, in the corner. The library is loaded with the first message. */
export async function notify({ title, detail, tone = 'neutral', action }: Notice): Promise<void> {
  wanted = true
  for (const listener of listeners) listener()
  const { toast } = await import('sonner')
  toast[tone === 'error' ? 'error' : 'message'](title, {
    ...(detail !== undefined && { description: detail }),
    ...(action && { action: { label: action.label, onClick: action.run } }),
    duration: tone === 'error' ? 10_000 : 5_000,
  })
}

/** Where messages appear; one for the whole page. */
export function Toaster() {
  const on = useSyncExternalStore(subscribe, () => wanted, () => false)
  return on ? <Suspense fallback={null}><LazyToaster /></Suspense> : null
}
