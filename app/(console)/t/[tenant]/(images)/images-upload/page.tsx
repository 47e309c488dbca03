import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { UploadForm } from '@/components/images/upload-form'
import { requireTenant } from '../../../../../session'

export const metadata: Metadata = { title: 'Upload image' }

export default async function Page({ params }: { params: Promise<{ tenant: string }> }) {
  const { tenant } = await requireTenant((await params).tenant, (slug) => paths.uploadImage(slug))
  return <UploadForm tenant={tenant.slug} />
}
