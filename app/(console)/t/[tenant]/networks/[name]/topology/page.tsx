import { NetworkTopologyTab } from '@/components/networks/topology/network-topology'

export default async function Page({ params }: { params: Promise<{ tenant: string; name: string }> }) {
  const { tenant, name } = await params
  return <NetworkTopologyTab tenant={decodeURIComponent(tenant)} name={decodeURIComponent(name)} />
}
