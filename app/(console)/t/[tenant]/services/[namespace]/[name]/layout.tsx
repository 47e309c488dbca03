import type { Metadata } from 'next'
import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { ServiceFrame } from '@/components/services/service-frame'
import { Prefetched } from '../../../../../../prefetched'
import { read, requireTenant } from '../../../../../../session'

type Props = { children: ReactNode; params: Promise<{ tenant: string; namespace: string; name: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: decodeURIComponent((await params).name) }
}

export default async function Layout({ children, params }: Props) {
  const { tenant: slug, ...rest } = await params
  const [namespace, name] = [decodeURIComponent(rest.namespace), decodeURIComponent(rest.name)]
  const { tenant } = await requireTenant(slug, (decoded) => paths.service(decoded, namespace, name))
  const input = { tenant: tenant.slug, namespace, name }
  return (
    <Prefetched answers={[{ key: (api) => api.service.get.queryKey(input), data: await read((api) => api.service.get(input)) }]}>
      <ServiceFrame {...input}>{children}</ServiceFrame>
    </Prefetched>
  )
}
