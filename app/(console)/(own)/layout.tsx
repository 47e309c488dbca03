import { cookies } from 'next/headers'
import type { ReactNode } from 'react'
import { readTheme } from '@/components/client/theme'
import { AppShell } from '@/components/patterns/shell/app-shell'
import { findMe } from '../../session'

/** Pages outside of a tenant's scope: a person's own account, and the operators'. */
export default async function Layout({ children }: { children: ReactNode }) {
  const me = await findMe()
  if (!me) return children
  return <AppShell me={me} theme={readTheme((await cookies()).get('theme')?.value)}>{children}</AppShell>
}
