import type { ReactNode } from 'react'
import { EarlyClicksDone } from '@/components/client/early-clicks-done'
import { ApiProvider } from '@/components/client/trpc'
import { Toaster } from '@/components/ui/toast'

export default function Layout({ children }: { children: ReactNode }) {
  return <ApiProvider><EarlyClicksDone>{children}</EarlyClicksDone><Toaster /></ApiProvider>
}
