import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { PodCreatePage } from '@/components/pods/create/pod-create-page'
import { requireTenant } from '../../../../../session'

export const metadata: Metadata = { title: 'Create pod' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, paths.newPod)
  return <PodCreatePage tenant={tenant.slug} />
}
