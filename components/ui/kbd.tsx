import type { ReactNode } from 'react'

/** One key of a shortcut. */
export function Kbd({ children }: { children: ReactNode }) {
  return <kbd className="inline-flex h-[18px] min-w-[18px] items-center justify-center rounded-sm border border-stroke-strong bg-surface px-1 font-sans text-2xs text-faint">{children}</kbd>
}
