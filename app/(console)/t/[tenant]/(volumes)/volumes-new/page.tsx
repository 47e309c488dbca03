import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { VolumeForm } from '@/components/volumes/volume-form'
import { requireTenant } from '../../../../../session'

export const metadata: Metadata = { title: 'Create volume' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, (slug) => paths.newVolume(slug))
  return <VolumeForm tenant={tenant.slug} />
}
