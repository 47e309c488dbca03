import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { RulesEditor } from '@/components/security-groups/rules-editor'
import { Prefetched } from '../../../../../../prefetched'
import { read, requireTenant } from '../../../../../../session'

type Props = { params: Promise<{ tenant: string; name: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `Rules of ${decodeURIComponent((await params).name)}` }
}

export default async function Page({ params }: Props) {
  const { tenant: slug, name } = await params
  const { tenant } = await requireTenant(slug, (decoded) => paths.securityGroupRules(decoded, decodeURIComponent(name)))
  const input = { tenant: tenant.slug, name: decodeURIComponent(name) }
  return (
    <Prefetched answers={[{ key: (api) => api.securityGroup.get.queryKey(input), data: await read((api) => api.securityGroup.get(input)) }]}>
      <RulesEditor {...input} />
    </Prefetched>
  )
}
