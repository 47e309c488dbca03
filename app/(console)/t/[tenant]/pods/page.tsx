import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { podListInput } from '@/components/pods/list-input'
import { PodListPage } from '@/components/pods/pod-list-page'
import { Prefetched } from '../../../../prefetched'
import { read, requireTenant } from '../../../../session'

export const metadata: Metadata = { title: 'Pods' }

type Props = { params: Promise<{ tenant: string }>; searchParams: Promise<Record<string, string | string[] | undefined>> }

export default async function Page({ params, searchParams }: Props) {
  const query = await searchParams
  const get = (key: string) => [query[key]].flat()[0]
  const { me, tenant } = await requireTenant((await params).tenant, (slug) => paths.pods(slug, { namespace: get('namespace'), q: get('q'), state: get('state'), host: get('host') }))
  const input = podListInput(tenant.slug, get)
  return (
    <Prefetched answers={[{ key: (api) => api.pod.list.queryKey(input), data: await read((api) => api.pod.list(input)) }]}>
      <PodListPage tenant={tenant.slug} operator={me.user.operator} />
    </Prefetched>
  )
}
