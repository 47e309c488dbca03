'use client'
import { Toaster } from 'sonner'

/** sonner in our tokens. */
export function ThemedToaster() {
  return (
    <Toaster
      position="bottom-right"
      gap={8}
      toastOptions={{
        unstyled: true,
        classNames: {
          toast: 'flex w-80 items-center gap-3 rounded-md border border-stroke-strong bg-overlay px-3 py-2.5 text-sm text-content shadow-overlay',
          title: 'font-medium',
          description: 'text-xs text-faint',
          content: 'min-w-0 flex-1',
          icon: 'text-error',
          actionButton: 'ml-auto h-6 shrink-0 rounded-sm px-2 text-xs font-medium text-accent-content hover:bg-hover',
        },
      }}
    />
  )
}
