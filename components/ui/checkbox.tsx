import type { ComponentProps, ReactNode } from 'react'
import { cn } from './cn'

/** A checkbox with its label; the whole row is the target. */
export function Checkbox({ label, hint, className, ...rest }: Omit<ComponentProps<'input'>, 'type'> & { label: ReactNode; hint?: ReactNode }) {
  return (
    <label className={cn('flex min-h-6 items-start gap-2 text-sm', className)}>
      <input type="checkbox" className="mt-[3px] size-3.5 shrink-0 accent-accent-solid" {...rest} />
      <span>
        {label}
        {hint && <span className="block text-xs text-faint">{hint}</span>}
      </span>
    </label>
  )
}

/** On or off, effective at once. */
export function Switch({ label, checked, onChange, pending, disabledReason }: { label: string; checked: boolean; onChange: (next: boolean) => void; pending?: boolean; disabledReason?: string }) {
  const off = pending || disabledReason !== undefined
  return (
    <button
      type="button"
      role="switch"
      aria-checked={checked}
      aria-label={label}
      aria-disabled={off || undefined}
      title={disabledReason}
      onClick={() => { if (!off) onChange(!checked) }}
      className={cn('inline-flex h-6 w-9 shrink-0 items-center rounded-full border p-0.5 transition-colors duration-100 aria-disabled:opacity-60', checked ? 'border-accent-solid bg-accent-solid' : 'border-stroke-control bg-sunken')}
    >
      <span className={cn('size-4 rounded-full transition-transform duration-100', checked ? 'translate-x-3.5 bg-on-accent' : 'translate-x-0.5 bg-faint')} />
    </button>
  )
}
