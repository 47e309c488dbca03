import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { StoreListPage } from '@/components/volume-stores/store-list-page'
import { Prefetched } from '../../../../prefetched'
import { read, requireOperator } from '../../../../session'

/** The list stays while its side form comes and goes. */
export default async function Layout({ children }: { children: ReactNode }) {
  await requireOperator(paths.volumeStores())
  return <Prefetched answers={[{ key: (api) => api.volumeStore.list.queryKey(), data: await read((api) => api.volumeStore.list()) }]}><StoreListPage>{children}</StoreListPage></Prefetched>
}
