import type { Metadata } from 'next'
import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { PodFrame } from '@/components/pods/pod-frame'
import { Prefetched } from '../../../../../../prefetched'
import { read, requireTenant } from '../../../../../../session'

type Props = { children: ReactNode; params: Promise<{ tenant: string; namespace: string; name: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: decodeURIComponent((await params).name) }
}

export default async function Layout({ children, params }: Props) {
  const { tenant: slug, ...rest } = await params
  const pod = { namespace: decodeURIComponent(rest.namespace), name: decodeURIComponent(rest.name) }
  const { tenant } = await requireTenant(slug, (decoded) => paths.pod(decoded, pod.namespace, pod.name))
  const input = { tenant: tenant.slug, ...pod }
  return (
    <Prefetched answers={[{ key: (api) => api.pod.get.queryKey(input), data: await read((api) => api.pod.get(input)) }]}>
      <PodFrame {...input}>{children}</PodFrame>
    </Prefetched>
  )
}
