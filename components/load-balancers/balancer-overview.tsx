'use client'
import type { BalancerPhase } from '@/domain/load-balancer/view'
import type { Condition } from '@/domain/shared/condition'
import { ExpiryWarnings } from '@/components/certificates/expiry'
import { paths } from '@/components/client/paths'
import { Conditions } from '@/components/patterns/conditions'
import { Properties, Property } from '@/components/patterns/properties'
import { Ago } from '@/components/patterns/time'
import { Badge } from '@/components/ui/badge'
import { Callout } from '@/components/ui/callout'
import { CopyableId } from '@/components/ui/copyable'
import { Panel } from '@/components/ui/panel'
import { TextLink } from '@/components/ui/text-link'
import { BackendsPanels } from './backends-panel'
import { useBalancer } from './balancer-frame'
import { BalancerUrl } from './balancer-url'
import { backendsLook, isStuck, listenersText, messageLines, otherEndpoints, silenceOf } from './balancer-words'
import { asksFor, NextForCondition } from './next-for-condition'

/** Where it answers, what it is, who is behind it, and its conditions. */
export function BalancerOverview() {
  const { tenant, balancer, at } = useBalancer()
  const { metadata, source, model, status } = balancer
  const problem = status.conditions.find(asksFor)
  const silence = silenceOf(balancer)
  const labels = Object.entries(metadata.labels)
  return (
    <>
      {problem && <Callout tone={status.phase === 'Failed' ? 'error' : status.phase === 'Pending' && !isStuck(status) ? 'info' : 'notice'} title={titleOf(problem, status.phase)}><p className="whitespace-pre-line">{messageLines(problem.message)}</p><NextForCondition condition={problem} /></Callout>}
      {silence !== null && <Callout tone="notice" title="Clients are not answered">{silence} Clients of http get 503 Service Unavailable, others no connection.</Callout>}
      <ExpiryWarnings certificates={balancer.certificates} at={at} />
      <div className="grid grid-cols-1 items-start gap-4 xl:grid-cols-2">
        <ReachPanel />
        <Panel title="Properties">
          <Properties>
            <Property name="From"><TextLink size="sm" href={source === 'Service' ? paths.service(tenant, metadata.namespace, metadata.name) : paths.loadBalancerYaml(tenant, source, metadata.namespace, metadata.name)}>{source} {metadata.name}</TextLink></Property>
            <Property name="Ports">{model && <code className="font-mono text-xs">{listenersText(model)}</code>}</Property>
            <Property name="Backends ready">{backendsLook(status).text}</Property>
            <Property name="Network"><TextLink size="sm" href={paths.network(tenant, status.network)}>{status.network}</TextLink></Property>
            <Property name="Namespace">{metadata.namespace}</Property>
            <Property name="Host">{status.host}</Property>
            <Property name="Labels">{labels.length > 0 && <span className="flex flex-wrap gap-1">{labels.map(([key, value]) => <Badge key={key} mono>{key}={value}</Badge>)}</span>}</Property>
            <Property name="Created"><Ago time={metadata.creationTimestamp} /></Property>
            <Property name="UID"><CopyableId id={metadata.uid} /></Property>
          </Properties>
        </Panel>
      </div>
      <BackendsPanels tenant={tenant} balancer={balancer} />
      <Panel title="Conditions" flush><Conditions conditions={status.conditions} next={(condition) => <NextForCondition condition={condition} />} /></Panel>
    </>
  )
}

/** In words what a condition's reason means for who reads it. */
const titles: Readonly<Record<string, string>> = { Partly: 'Not all of it can be carried out', Degraded: 'Not all of it answers', Invalid: 'What it is asked to do cannot be carried out', NoAddress: 'It has no address on the outside', NoAddressInNetwork: 'It has no address in its network', NoHost: 'It has no host', Moving: 'It moves to another host', HostUnknown: 'Its host is silent' }
const titleOf = ({ reason }: Condition, phase: BalancerPhase): string => (Object.hasOwn(titles, reason) ? titles[reason] : undefined) ?? (phase === 'Pending' ? 'On its way' : phase === 'Failed' ? 'It does not answer' : reason || phase)

/** Addresses to click and to copy. */
function ReachPanel() {
  const { balancer } = useBalancer()
  const { status, model } = balancer
  const others = otherEndpoints(model?.listeners ?? [], status)
  const named = model?.listeners.some(({ rules }) => rules.some(({ host }) => host !== null)) ?? false
  return (
    <Panel title="Where it answers" description="From outside your networks">
      {status.addresses.length === 0
        ? <p className="text-sm text-faint">It has no address yet.</p>
        : (
          <Properties>
            {status.urls.length > 0 && <Property name="URLs"><span className="flex min-w-0 flex-col items-start">{status.urls.map((url) => <BalancerUrl key={url} url={url} />)}</span></Property>}
            {others.length > 0 && <Property name="Connect to"><span className="flex min-w-0 flex-col items-start">{others.map(({ text, protocol }) => <span key={`${text} ${protocol}`} className="inline-flex min-w-0 items-center gap-2"><CopyableId id={text} /><span className="text-xs text-faint">{protocol.toUpperCase()}</span></span>)}</span></Property>}
            <Property name="Addresses"><span className="flex flex-wrap gap-x-3">{status.addresses.map((address) => <CopyableId key={address} id={address} />)}</span></Property>
          </Properties>
        )}
      {named && status.addresses.length > 0 && <p className="mt-3 text-xs text-faint">Its rules go by host: point those names at {status.addresses.length === 1 ? 'its address' : 'its addresses'} in your DNS (A and AAAA records). Hypernetes serves no DNS on the outside.</p>}
    </Panel>
  )
}
