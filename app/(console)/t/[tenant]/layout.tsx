import { cookies } from 'next/headers'
import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { readTheme } from '@/components/client/theme'
import { AppShell } from '@/components/patterns/shell/app-shell'
import { findMe, read, requireTenant } from '../../../session'
import { Prefetched } from '../../../prefetched'

export default async function Layout({ children, params }: { children: ReactNode; params: Promise<{ tenant: string }> }) {
  // The page knows its whole address: it is what sends a visitor to sign in, and back.
  if (!(await findMe())) return children
  const { me, tenant } = await requireTenant((await params).tenant, paths.tenant)
  const theme = readTheme((await cookies()).get('theme')?.value)
  const input = { tenant: tenant.slug }
  return (
    <Prefetched answers={[{ key: (api) => api.namespace.list.queryKey(input), data: await read((api) => api.namespace.list(input)) }]}>
      <AppShell me={me} tenant={tenant} theme={theme}>{children}</AppShell>
    </Prefetched>
  )
}
