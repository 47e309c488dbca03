import type { Metadata } from 'next'
import { EditSecret } from '@/components/secrets/secret-form'

type Props = { params: Promise<{ tenant: string; namespace: string; name: string }> }

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `Edit ${decodeURIComponent((await params).name)}` }
}

export default async function Page({ params }: Props) {
  const { tenant, namespace, name } = await params
  return <EditSecret tenant={decodeURIComponent(tenant)} namespace={decodeURIComponent(namespace)} name={decodeURIComponent(name)} />
}
