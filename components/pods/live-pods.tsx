'use client'
import { useEffect } from 'react'
import type { Failure } from '@/components/client/errors'
import { LiveBadge } from '@/components/patterns/live-badge'
import { usePodWatch } from './use-pod-watch'

/** Follows the tenant's pods while it is shown, and says so. It comes after the list: what it follows from is the list's own moment. */
export function LivePods({ tenant, onStopped }: { tenant: string; onStopped: (failure: Failure | null) => void }) {
  const stopped = usePodWatch({ tenant })
  useEffect(() => onStopped(stopped), [stopped, onStopped])
  return !stopped && <LiveBadge />
}
