import type { Metadata } from 'next'
import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { VolumeFrame } from '@/components/volumes/volume-frame'
import { Prefetched } from '../../../../../prefetched'
import { read, requireTenant } from '../../../../../session'

type Props = { children: ReactNode; params: Promise<{ tenant: string; name: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: decodeURIComponent((await params).name) }
}

export default async function Layout({ children, params }: Props) {
  const { tenant: slug, name } = await params
  const { tenant, me } = await requireTenant(slug, (decoded) => paths.volume(decoded, decodeURIComponent(name)))
  const input = { tenant: tenant.slug, name: decodeURIComponent(name) }
  return (
    <Prefetched answers={[{ key: (api) => api.volume.get.queryKey(input), data: await read((api) => api.volume.get(input)) }, { key: (api) => api.volume.offer.queryKey({ tenant: tenant.slug }), data: await read((api) => api.volume.offer({ tenant: tenant.slug })) }]}>
      <VolumeFrame {...input} operator={me.user.operator}>{children}</VolumeFrame>
    </Prefetched>
  )
}
