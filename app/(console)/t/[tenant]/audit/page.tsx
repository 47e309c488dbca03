import type { Metadata } from 'next'
import { notFound } from 'next/navigation'
import { paths } from '@/components/client/paths'
import { AuditPage } from '@/components/audit/audit-page'
import { requireTenant } from '../../../../session'

export const metadata: Metadata = { title: 'Audit' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, paths.audit)
  return tenant.role === 'admin' ? <AuditPage tenant={tenant.slug} /> : notFound()
}
