import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { ClassListPage } from '@/components/storage-classes/class-list-page'
import { Prefetched } from '../../../../prefetched'
import { read, requireOperator } from '../../../../session'

/** The list stays while its side form comes and goes. */
export default async function Layout({ children }: { children: ReactNode }) {
  await requireOperator(paths.storageClasses())
  return <Prefetched answers={[{ key: (api) => api.storageClass.list.queryKey(), data: await read((api) => api.storageClass.list()) }]}><ClassListPage>{children}</ClassListPage></Prefetched>
}
