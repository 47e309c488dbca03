'use client'
import { useEffect, useRef, type ReactNode } from 'react'
import { cn } from '@/components/ui/cn'

let announced = ''

/**
 * The page's h1. After a navigation within the console it takes the focus, so that a screen reader announces the page; not
 * on the first load, where the reader starts at the top by itself, nor between tabs of one thing.
 */
export function PageTitle({ children, className }: { children: ReactNode; className?: string }) {
  const title = useRef<HTMLHeadingElement>(null)
  const text = String(children)
  useEffect(() => {
    if (announced !== '' && announced !== text && !document.querySelector('dialog[open]')) title.current?.focus({ preventScroll: true })
    announced = text
  }, [text])
  return <h1 ref={title} tabIndex={-1} className={cn('truncate text-xl font-semibold tracking-[-0.01em]', className)}>{children}</h1>
}
