import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { PodCreatePage } from '@/components/pods/create/pod-create-page'
import { requireTenant } from '../../../../../session'

export const metadata: Metadata = { title: 'Create pod' }

type Props = { params: Promise<{ tenant: string }>; searchParams: Promise<Record<string, string | string[] | undefined>> }

export default async function Page({ params, searchParams }: Props) {
  const query = await searchParams
  const get = (key: string) => [query[key]].flat()[0]
  const { tenant } = await requireTenant((await params).tenant, (slug) => paths.newPod(slug, { namespace: get('namespace'), from: get('from'), draft: get('draft') }))
  return <PodCreatePage tenant={tenant.slug} />
}
