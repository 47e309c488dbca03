import { useId, type ReactNode } from 'react'

export type FieldControl = { id: string; 'aria-invalid'?: true; 'aria-describedby'?: string }

/** A label, its control, a hint and its error. The control gets the ids through a function. */
export function Field({ label, hint, error, optional, children }: { label: ReactNode; hint?: ReactNode; error?: string | undefined; optional?: boolean; children: (control: FieldControl) => ReactNode }) {
  const id = useId()
  const described = error ? `${id}-error` : hint ? `${id}-hint` : undefined
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={id} className="flex items-baseline gap-1.5 text-xs font-medium text-soft">
        {label}
        {optional && <span className="font-normal text-faint">optional</span>}
      </label>
      {children({ id, ...(error && { 'aria-invalid': true as const }), ...(described && { 'aria-describedby': described }) })}
      {error
        ? <p id={`${id}-error`} className="text-xs text-error-content">{error}</p>
        : hint && <p id={`${id}-hint`} className="text-xs text-faint">{hint}</p>}
    </div>
  )
}
