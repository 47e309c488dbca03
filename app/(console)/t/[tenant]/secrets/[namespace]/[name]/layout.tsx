import type { ReactNode } from 'react'
import { paths } from '@/components/client/paths'
import { SecretPage } from '@/components/secrets/secret-page'
import { Prefetched } from '../../../../../../prefetched'
import { read, requireTenant } from '../../../../../../session'

type Props = { children: ReactNode; params: Promise<{ tenant: string; namespace: string; name: string }> }

/** The Secret stays while its side form comes and goes. */
export default async function Layout({ children, params }: Props) {
  const { tenant: slug, ...rest } = await params
  const [namespace, name] = [decodeURIComponent(rest.namespace), decodeURIComponent(rest.name)]
  const { tenant } = await requireTenant(slug, (decoded) => paths.secret(decoded, namespace, name))
  const input = { tenant: tenant.slug, namespace, name }
  return (
    <Prefetched answers={[{ key: (api) => api.secret.get.queryKey(input), data: await read((api) => api.secret.get(input)) }]}>
      <SecretPage {...input} role={tenant.role}>{children}</SecretPage>
    </Prefetched>
  )
}
