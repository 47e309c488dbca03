import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { ConfigMapPage } from '@/components/config-maps/config-map-page'
import { Prefetched } from '../../../../../../prefetched'
import { read, requireTenant } from '../../../../../../session'

type Props = { children: ReactNode; params: Promise<{ tenant: string; namespace: string; name: string }> }

/** The ConfigMap stays while its side form comes and goes. */
export default async function Layout({ children, params }: Props) {
  const { tenant: slug, ...rest } = await params
  const [namespace, name] = [decodeURIComponent(rest.namespace), decodeURIComponent(rest.name)]
  const { tenant } = await requireTenant(slug, (decoded) => paths.configMap(decoded, namespace, name))
  const input = { tenant: tenant.slug, namespace, name }
  return (
    <Prefetched answers={[{ key: (api) => api.configMap.get.queryKey(input), data: await read((api) => api.configMap.get(input)) }]}>
      <ConfigMapPage {...input}>{children}</ConfigMapPage>
    </Prefetched>
  )
}
