import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { PrePullForm } from '@/components/images/pre-pull-form'
import { requireTenant } from '../../../../../session'

export const metadata: Metadata = { title: 'Pre-pull image' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, (slug) => paths.prePullImage(slug))
  return <PrePullForm tenant={tenant.slug} />
}
