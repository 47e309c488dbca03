import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { SecurityGroupForm } from '@/components/security-groups/security-group-form'
import { requireTenant } from '../../../../../session'

export const metadata: Metadata = { title: 'Create security group' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, (slug) => paths.newSecurityGroup(slug))
  return <SecurityGroupForm tenant={tenant.slug} />
}
