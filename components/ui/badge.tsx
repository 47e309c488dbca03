import type { ReactNode } from 'react'
import { cn } from './cn'

export type Tone = 'neutral' | 'accent' | 'success' | 'notice' | 'error' | 'info'

const tones: Record<Tone, string> = {
  neutral: 'bg-sunken text-soft border-stroke',
  accent: 'bg-accent-soft text-accent-content border-transparent',
  success: 'bg-success-soft text-success-content border-transparent',
  notice: 'bg-notice-soft text-notice-content border-transparent',
  error: 'bg-error-soft text-error-content border-transparent',
  info: 'bg-info-soft text-info-content border-transparent',
}

/** A short word about a thing. */
export function Badge({ tone = 'neutral', mono, children, className }: { tone?: Tone; mono?: boolean; children: ReactNode; className?: string }) {
  return <span className={cn('inline-flex h-5 items-center gap-1 whitespace-nowrap rounded-sm border px-1.5 text-xs', tones[tone], mono && 'font-mono text-2xs', className)}>{children}</span>
}
