import type { ComponentProps } from 'react'
import { cn } from './cn'

export const controlClass =
  'control w-full rounded-md border border-stroke-control bg-raise px-2.5 text-sm text-content transition-colors duration-100 focus-visible:border-accent focus-visible:outline-1 focus-visible:outline-offset-0 focus-visible:outline-accent focus-visible:rounded-md aria-invalid:border-error [&[readonly]]:bg-sunken disabled:opacity-60'

export function Input({ className, mono, ...rest }: ComponentProps<'input'> & { mono?: boolean }) {
  return <input className={cn(controlClass, 'h-8', mono && 'font-mono text-xs', className)} {...rest} />
}

export function Textarea({ className, mono, ...rest }: ComponentProps<'textarea'> & { mono?: boolean }) {
  return <textarea className={cn(controlClass, 'min-h-16 py-1.5', mono && 'font-mono text-xs leading-5', className)} {...rest} />
}

/** The browser's own select: its list works with every keyboard, screen reader and phone. */
export function Select({ className, children, ...rest }: ComponentProps<'select'>) {
  return (
    <span className="relative inline-flex w-full items-center">
      <select className={cn(controlClass, 'h-8 appearance-none pr-7', className)} {...rest}>{children}</select>
      <svg viewBox="0 0 16 16" className="pointer-events-none absolute right-2 size-3.5 text-faint" aria-hidden>
        <path d="m4 6 4 4 4-4" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" strokeLinejoin="round" />
      </svg>
    </span>
  )
}
