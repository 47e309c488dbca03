import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { HostListPage } from '@/components/hosts/host-list-page'
import { Prefetched } from '../../../../prefetched'
import { read, requireOperator } from '../../../../session'

export const metadata: Metadata = { title: 'Hosts' }

export default async function Page() {
  await requireOperator(paths.hosts())
  return <Prefetched answers={[{ key: (api) => api.host.list.queryKey(), data: await read((api) => api.host.list()) }]}><HostListPage /></Prefetched>
}
