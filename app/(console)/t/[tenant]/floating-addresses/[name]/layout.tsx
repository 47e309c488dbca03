import type { Metadata } from 'next'
import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { AddressFrame } from '@/components/floating-addresses/address-frame'
import { Prefetched } from '../../../../../prefetched'
import { read, requireTenant } from '../../../../../session'

type Props = { children: ReactNode; params: Promise<{ tenant: string; name: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: decodeURIComponent((await params).name) }
}

export default async function Layout({ children, params }: Props) {
  const { tenant: slug, name } = await params
  const { tenant, me } = await requireTenant(slug, (decoded) => paths.floatingAddress(decoded, decodeURIComponent(name)))
  const input = { tenant: tenant.slug, name: decodeURIComponent(name) }
  return (
    <Prefetched answers={[{ key: (api) => api.floatingAddress.get.queryKey(input), data: await read((api) => api.floatingAddress.get(input)) }]}>
      <AddressFrame {...input} operator={me.user.operator}>{children}</AddressFrame>
    </Prefetched>
  )
}
