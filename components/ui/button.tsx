'use client'
import Link from 'next/link'
import type { ComponentProps, ReactNode } from 'react'
import type { VariantProps } from 'class-variance-authority'
import { buttonClass } from './button-class'
import { cn } from './cn'
import { Spinner } from './spinner'
import { Tooltip } from './tooltip'

type Look = VariantProps<typeof buttonClass> & { icon?: ReactNode }

export type ButtonProps = Look & Omit<ComponentProps<'button'>, 'disabled'> & {
  /** Why the button cannot be used now. It stays focusable and says so. */
  disabledReason?: string | undefined
  /** Something it started is still under way: it cannot be pressed again. */
  pending?: boolean
}

/** A button. Labels say verb and noun ("Create pod"). */
export function Button({ variant, size, icon, className, children, disabledReason, pending, onClick, type = 'button', ...rest }: ButtonProps) {
  const off = pending || disabledReason !== undefined
  const element = (
    <button
      type={type}
      className={cn(buttonClass({ variant, size }), className)}
      aria-disabled={off || undefined}
      aria-busy={pending || undefined}
      onClick={(event) => {
        if (off) { event.preventDefault(); return }
        onClick?.(event)
      }}
      {...rest}
    >
      {pending ? <Spinner /> : icon}
      {children}
    </button>
  )
  return disabledReason === undefined ? element : <Tooltip text={disabledReason}>{element}</Tooltip>
}

/** A link that looks like a button: it goes somewhere, so it can be opened in a new tab. */
export function ButtonLink({ variant, size, icon, className, children, ...rest }: Look & ComponentProps<typeof Link>) {
  return (
    <Link className={cn(buttonClass({ variant, size }), className)} {...rest}>
      {icon}
      {children}
    </Link>
  )
}

export type IconButtonProps = Omit<ComponentProps<'button'>, 'children' | 'disabled'> & {
  label: string
  icon: ReactNode
  disabledReason?: string | undefined
  /** The tooltip; the label where none is given. */
  hint?: string
}

/** A square button of 28 px with an icon alone; its label is its name and its tooltip. */
export function IconButton({ label, icon, disabledReason, hint, className, onClick, type = 'button', ...rest }: IconButtonProps) {
  const off = disabledReason !== undefined
  return (
    <Tooltip text={disabledReason ?? hint ?? label} describes={off}>
      <button
        type={type}
        aria-label={label}
        aria-disabled={off || undefined}
        className={cn('inline-flex size-7 shrink-0 items-center justify-center rounded-md text-faint transition-colors duration-100 hover:bg-hover hover:text-content aria-disabled:cursor-not-allowed aria-disabled:opacity-55 aria-expanded:bg-hover aria-expanded:text-content aria-pressed:bg-accent-soft aria-pressed:text-accent-content', className)}
        onClick={(event) => {
          if (off) { event.preventDefault(); return }
          onClick?.(event)
        }}
        {...rest}
      >
        {icon}
      </button>
    </Tooltip>
  )
}
