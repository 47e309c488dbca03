'use client'
import { useQuery } from '@tanstack/react-query'
import { wantsOutside } from '@/domain/service/spec'
import type { ServiceDetail } from '@/domain/service/view'
import { isMissing } from '@/components/client/errors'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { BalancerState } from '@/components/load-balancers/balancer-state'
import { BalancerUrl } from '@/components/load-balancers/balancer-url'
import { useRefreshOnChanges } from '@/components/client/use-changes'
import { Properties, Property } from '@/components/patterns/properties'
import { ButtonLink } from '@/components/ui/button'
import { CopyableId } from '@/components/ui/copyable'
import { Panel } from '@/components/ui/panel'
import { TextLink } from '@/components/ui/text-link'

/** How the outside reaches a service: its balancer in short, or how it gets one. */
export function ServiceBalancer({ tenant, service: { metadata: { namespace, name }, spec } }: { tenant: string; service: ServiceDetail }) {
  const trpc = useTRPC()
  const asked = wantsOutside(spec)
  const { data, error } = useQuery({ ...trpc.loadBalancer.get.queryOptions({ tenant, source: 'Service', namespace, name }), enabled: asked })
  useRefreshOnChanges('loadBalancer', { tenant, namespace }, trpc.loadBalancer.get.queryKey({ tenant, source: 'Service', namespace, name }))
  if (spec.type === 'ExternalName') return null
  if (!asked) {
    return (
      <Panel title="From outside">
        <p className="text-sm text-soft">Nothing outside of its network reaches it.</p>
        {spec.clusterIP !== 'None' && <ButtonLink className="mt-3" href={paths.newLoadBalancer(tenant, { namespace, service: name })}>Expose service</ButtonLink>}
      </Panel>
    )
  }
  const page = <TextLink href={paths.loadBalancer(tenant, 'Service', namespace, name)}>Show balancer</TextLink>
  if (!data) return <Panel title="From outside"><p className="text-sm text-soft">{error && !isMissing(error) ? 'Its balancer cannot be asked for now.' : 'Its balancer is on its way.'}</p></Panel>
  const { status } = data
  return (
    <Panel title="From outside" actions={page}>
      <Properties>
        <Property name="Balancer"><BalancerState balancer={data} /></Property>
        <Property name="Addresses">{status.addresses.length > 0 && <span className="flex flex-wrap gap-x-3">{status.addresses.map((address) => <CopyableId key={address} id={address} />)}</span>}</Property>
        {status.urls.length > 0 && <Property name="Opens at"><span className="flex min-w-0 flex-col">{status.urls.slice(0, 5).map((url) => <BalancerUrl key={url} url={url} />)}</span></Property>}
        <Property name="Pods that answer">{`${status.backendsReady} of ${status.backendsTotal}`}</Property>
      </Properties>
    </Panel>
  )
}
