import type { ReactNode } from 'react'
import { NOTHING } from '@/components/client/formats'

/** Names and values of a thing, in two columns that line up. */
export function Properties({ children }: { children: ReactNode }) {
  return <dl className="-my-2 grid grid-cols-[minmax(112px,auto)_minmax(0,1fr)] gap-x-6">{children}</dl>
}

export function Property({ name, children }: { name: string; children: ReactNode }) {
  const missing = children === null || children === undefined || children === false || children === ''
  return (
    <div className="col-span-2 grid min-h-8 grid-cols-subgrid items-center border-b border-stroke py-1 last:border-0">
      <dt className="text-sm text-faint">{name}</dt>
      <dd className="min-w-0 break-words text-sm">{missing ? <span className="text-faint">{NOTHING}</span> : children}</dd>
    </div>
  )
}
