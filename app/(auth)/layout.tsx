import Link from 'next/link'
import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { ApiProvider } from '@/components/client/trpc'
import { Mark } from '@/components/ui/mark'

/** Signing in and up: the same instrument, one panel. */
export default function Layout({ children }: { children: ReactNode }) {
  return (
    <div className="relative isolate flex min-h-dvh flex-col overflow-hidden">
      <div className="graph-paper absolute inset-0 -z-10" aria-hidden />
      <header className="flex h-14 items-center px-5 md:px-8">
        <Link href={paths.home()} className="inline-flex items-center gap-2.5 rounded-md text-base font-semibold"><Mark />Hypernetes</Link>
      </header>
      <main className="flex flex-1 items-start justify-center px-4 pb-16 pt-[9vh]"><ApiProvider>{children}</ApiProvider></main>
    </div>
  )
}
