import type { ReactNode } from 'react'
import { PoolListPage } from '@/components/address-pools/pool-list-page'
import { paths } from '@/components/client/paths'
import { Prefetched } from '../../../../prefetched'
import { read, requireOperator } from '../../../../session'

/** The list stays while its side form comes and goes. */
export default async function Layout({ children }: { children: ReactNode }) {
  await requireOperator(paths.addressPools())
  return <Prefetched answers={[{ key: (api) => api.addressPool.list.queryKey(), data: await read((api) => api.addressPool.list()) }]}><PoolListPage>{children}</PoolListPage></Prefetched>
}
