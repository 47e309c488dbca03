'use client'
import { Link2 } from 'lucide-react'
import type { ReactNode } from 'react'
import type { FloatingAddressView } from '@/domain/floating-address/view'
import { paths } from '@/components/client/paths'
import { Conditions } from '@/components/patterns/conditions'
import { Properties, Property } from '@/components/patterns/properties'
import { Ago } from '@/components/patterns/time'
import { Badge } from '@/components/ui/badge'
import { ButtonLink } from '@/components/ui/button'
import { Callout } from '@/components/ui/callout'
import { CopyableId } from '@/components/ui/copyable'
import { Panel } from '@/components/ui/panel'
import { AddressState, LeadsTo } from './address-state'
import { useFloatingAddress } from './address-frame'
import { leadsTo } from './words'

/** Properties, what passes by it, and conditions. `children` is the form that stands over it. */
export function AddressOverview({ children }: { children?: ReactNode }) {
  const { tenant, operator, address } = useFloatingAddress()
  const { metadata, status } = address
  return (
    <>
      <Problem address={address} />
      <div className="grid grid-cols-1 items-start gap-4 xl:grid-cols-2">
        <Panel title="Properties">
          <Properties>
            <Property name="Address"><CopyableId id={status.address} /></Property>
            <Property name="Leads to"><LeadsTo tenant={tenant} address={address} /></Property>
            <Property name="State"><AddressState address={address} /></Property>
            <Property name="Pool">{status.pool} <span className="text-faint">· {status.family}</span></Property>
            {operator && <Property name="Host">{status.host}</Property>}
            <Property name="Labels">{Object.keys(metadata.labels).length > 0 && <span className="flex flex-wrap gap-1">{Object.entries(metadata.labels).map(([key, value]) => <Badge key={key} mono>{key}={value}</Badge>)}</span>}</Property>
            <Property name="Created"><Ago time={metadata.creationTimestamp} /></Property>
            <Property name="UID"><CopyableId id={metadata.uid} /></Property>
          </Properties>
        </Panel>
        <Passes />
      </div>
      <Panel title="Conditions" flush><Conditions conditions={status.conditions} /></Panel>
      {children}
    </>
  )
}

/** Why it does not answer, as the server says it. */
function Problem({ address: { spec, status } }: { address: FloatingAddressView }) {
  const said = status.conditions.find((each) => each.status !== 'True' && each.message !== '')
  if (!said || !spec.target || status.phase === 'Active') return null
  return <Callout tone={status.phase === 'Failed' ? 'error' : 'info'} title={status.phase === 'Failed' ? 'It does not answer' : 'It does not answer yet'}>{said.message}</Callout>
}

/** What an address does for whom it leads to, in three sentences. */
function Passes() {
  const { tenant, address } = useFloatingAddress()
  const { metadata: { name }, status } = address
  const target = leadsTo(address)
  if (!target) return <Panel title="What passes"><div className="flex flex-col items-start gap-3 text-sm text-soft"><p>Nothing: it leads nowhere. No host answers for it, and it stays the tenant’s until it is released.</p><ButtonLink href={paths.associateFloatingAddress(tenant, name)} icon={<Link2 className="size-4" />}>Associate address</ButtonLink></div></Panel>
  const lines = target.kind === 'Pod'
    ? [`Every port of pod ${target.name} is reached by it, as far as the pod’s security groups and network policies let the outside in; a pod in none of them is open by it.`, 'What the pod opens to the outside leaves with this address, where its network has outbound connections; where it has none, answers alone leave.', ...(status.family === 'IPv6' ? ['Nothing is translated: the pod has it as an address of its own, beside those of its network. A container that listens to IPv4 alone is not reached.'] : ['A container that listens to 127.0.0.1 alone is not reached.'])]
    : [`The ports of the balancer of ${target.name} are reached by it, and nothing else.`, 'Its pods see the balancer’s address in their network, not this one.']
  return (
    <Panel title={status.phase === 'Active' ? 'What passes' : 'What passes once it answers'}>
      <ul className="flex list-disc flex-col gap-1.5 pl-4 text-sm text-soft marker:text-faint">{lines.map((line) => <li key={line}>{line}</li>)}</ul>
      {status.managed && <p className="mt-3 text-xs text-faint">It was taken for the balancer, which asked for none, and goes with it.</p>}
    </Panel>
  )
}
