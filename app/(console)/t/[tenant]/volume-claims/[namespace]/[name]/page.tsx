import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { ClaimPage } from '@/components/volume-claims/claim-page'
import { Prefetched } from '../../../../../../prefetched'
import { read, requireTenant } from '../../../../../../session'

type Props = { params: Promise<{ tenant: string; namespace: string; name: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: decodeURIComponent((await params).name) }
}

export default async function Page({ params }: Props) {
  const { tenant: slug, ...raw } = await params
  const [namespace, name] = [decodeURIComponent(raw.namespace), decodeURIComponent(raw.name)]
  const { tenant } = await requireTenant(slug, (decoded) => paths.volumeClaim(decoded, namespace, name))
  const input = { tenant: tenant.slug, namespace, name }
  return (
    <Prefetched answers={[{ key: (api) => api.volumeClaim.get.queryKey(input), data: await read((api) => api.volumeClaim.get(input)) }]}>
      <ClaimPage {...input} />
    </Prefetched>
  )
}
