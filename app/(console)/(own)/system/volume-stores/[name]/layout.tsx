import type { Metadata } from 'next'
import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { StorePage } from '@/components/volume-stores/store-page'
import { storeUsageInput } from '@/components/volume-stores/usage-input'
import { Prefetched } from '../../../../../prefetched'
import { read, requireOperator } from '../../../../../session'

type Props = { children: ReactNode; params: Promise<{ name: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: decodeURIComponent((await params).name) }
}

/** The page stays while its side form comes and goes. */
export default async function Layout({ children, params }: Props) {
  const input = { name: decodeURIComponent((await params).name) }
  await requireOperator(paths.volumeStore(input.name))
  const usage = storeUsageInput(input.name, () => '')
  return <Prefetched answers={[{ key: (api) => api.volumeStore.get.queryKey(input), data: await read((api) => api.volumeStore.get(input)) }, { key: (api) => api.volumeStore.usage.queryKey(usage), data: await read((api) => api.volumeStore.usage(usage)) }]}><StorePage {...input}>{children}</StorePage></Prefetched>
}
