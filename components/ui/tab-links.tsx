'use client'
import Link from 'next/link'
import { usePathname } from 'next/navigation'
import { useEffect, useRef, type ReactNode } from 'react'
import { cn } from './cn'

/** Tabs that are routes: each links, reloads and goes Back. */
export function TabLinks({ label, tabs }: { label: string; tabs: ReadonlyArray<{ href: string; label: ReactNode; count?: number; /** Pages over this tab, such as its forms. */ under?: readonly string[] }> }) {
  const pathname = usePathname()
  const bar = useRef<HTMLElement>(null)
  // On a narrow window the bar is wider than the page: the tab that is shown is brought into sight, and nothing else moves.
  useEffect(() => {
    const current = bar.current?.querySelector<HTMLElement>('[aria-current]')
    if (bar.current && current) bar.current.scrollLeft = current.offsetLeft - bar.current.offsetLeft - 48
  }, [pathname])
  return (
    <nav ref={bar} aria-label={label} className="-mb-px flex gap-1 overflow-x-auto">
      {tabs.map((tab) => {
        const current = [tab.href, ...(tab.under ?? [])].some((href) => decodeURI(pathname) === decodeURI(href))
        return (
          <Link
            key={tab.href}
            href={tab.href}
            aria-current={current ? 'page' : undefined}
            scroll={false}
            className={cn('inline-flex h-9 items-center gap-1.5 border-b-2 px-2.5 text-sm focus-visible:-outline-offset-2', current ? 'border-accent font-medium text-content' : 'border-transparent text-faint hover:text-content')}
          >
            {tab.label}
            {tab.count !== undefined && <span className="rounded-full bg-press px-1.5 text-2xs text-soft">{tab.count}</span>}
          </Link>
        )
      })}
    </nav>
  )
}
