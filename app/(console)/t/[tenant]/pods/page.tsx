import type { Metadata } from 'next'
import { podListInput } from '@/components/pods/list-input'
import { PodListPage } from '@/components/pods/pod-list-page'
import { Prefetched } from '../../../../prefetched'
import { read, requireTenant } from '../../../../session'

export const metadata: Metadata = { title: 'Pods' }

type Props = { params: Promise<{ tenant: string }>; searchParams: Promise<Record<string, string | string[] | undefined>> }

export default async function Page({ params, searchParams }: Props) {
  const { tenant } = await requireTenant((await params).tenant)
  const query = await searchParams
  const input = podListInput(tenant.slug, (key) => [query[key]].flat()[0])
  return (
    <Prefetched answers={[{ key: (api) => api.pod.list.queryKey(input), data: await read((api) => api.pod.list(input)) }]}>
      <PodListPage tenant={tenant.slug} />
    </Prefetched>
  )
}
