'use client'
import { useId, type ReactNode } from 'react'
import { cn } from './cn'

/** One of a few choices, all visible: radio buttons in one frame. */
export function Segmented<T extends string>({ label, value, options, onChange, size = 'md' }: { label: string; value: T; options: ReadonlyArray<{ value: T; label: ReactNode; hint?: string }>; onChange: (next: T) => void; size?: 'sm' | 'md' }) {
  const name = useId()
  return (
    <fieldset className="inline-flex rounded-md border border-stroke-strong bg-sunken p-0.5">
      <legend className="sr-only">{label}</legend>
      {options.map((option) => (
        <label
          key={option.value}
          title={option.hint}
          className={cn(
            'relative inline-flex items-center gap-1.5 rounded-sm px-2.5 text-xs font-medium text-faint hover:text-content has-checked:bg-raise has-checked:text-content has-checked:shadow-[0_0_0_1px_var(--color-stroke-strong)] has-focus-visible:outline-2 has-focus-visible:outline-accent',
            size === 'sm' ? 'h-6' : 'h-[26px]',
          )}
        >
          <input type="radio" className="sr-only" name={name} value={option.value} checked={option.value === value} onChange={() => onChange(option.value)} />
          {option.label}
        </label>
      ))}
    </fieldset>
  )
}
