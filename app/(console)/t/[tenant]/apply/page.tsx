import type { Metadata } from 'next'
import { paths } from '@/components/client/paths'
import { ApplyPage } from '@/components/manifests/apply-page'
import { requireTenant } from '../../../../session'

export const metadata: Metadata = { title: 'Apply YAML' }

type Props = { params: Promise<{ tenant: string }>; searchParams: Promise<Record<string, string | string[] | undefined>> }

export default async function Page({ params, searchParams }: Props) {
  const query = await searchParams
  const get = (key: string) => [query[key]].flat()[0]
  const { tenant } = await requireTenant((await params).tenant, (slug) => paths.applyYaml(slug, { kind: get('kind'), from: get('from') }))
  return <ApplyPage tenant={tenant.slug} />
}
