import Link from 'next/link'
import type { ComponentProps } from 'react'
import { cn } from './cn'

/** A link that stands by itself, at least 24 px high. */
export function TextLink({ className, ...rest }: ComponentProps<typeof Link>) {
  return <Link className={cn('inline-flex min-h-6 items-center rounded-sm text-xs text-accent-content hover:underline', className)} {...rest} />
}
