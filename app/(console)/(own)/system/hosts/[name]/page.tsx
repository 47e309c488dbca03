import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { HostPage } from '@/components/hosts/host-page'
import { Prefetched } from '../../../../../prefetched'
import { read, requireOperator } from '../../../../../session'

type Props = { params: Promise<{ name: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: decodeURIComponent((await params).name) }
}

export default async function Page({ params }: Props) {
  const input = { name: decodeURIComponent((await params).name) }
  await requireOperator(paths.host(input.name))
  return <Prefetched answers={[{ key: (api) => api.host.get.queryKey(input), data: await read((api) => api.host.get(input)) }]}><HostPage {...input} /></Prefetched>
}
