import type { ReactNode } from 'react'
import { ApiProvider } from '@/components/client/trpc'
import { Toaster } from '@/components/ui/toast'

export default function Layout({ children }: { children: ReactNode }) {
  return <ApiProvider>{children}<Toaster /></ApiProvider>
}
