import type { ReactNode } from 'react'

/** The panel in which one signs in or up. */
export function AuthFrame({ title, children, footer }: { title: string; children: ReactNode; footer?: ReactNode }) {
  return (
    <div className="w-full max-w-90">
      <div className="rounded-lg border border-stroke-strong bg-raise p-6">
        <h1 className="mb-5 text-xl font-semibold tracking-[-0.01em]">{title}</h1>
        {children}
      </div>
      {footer && <p className="mt-4 text-center text-sm text-faint">{footer}</p>}
    </div>
  )
}
