import Link from 'next/link'
import type { ComponentProps } from 'react'
import { cn } from './cn'

/** A link that stands by itself, at least 24 px high. */
export function TextLink({ size = 'xs', className, ...rest }: ComponentProps<typeof Link> & { size?: 'xs' | 'sm' }) {
  return <Link className={cn('inline-flex min-h-6 items-center rounded-sm text-accent-content hover:underline', size === 'xs' ? 'text-xs' : 'text-sm', className)} {...rest} />
}
