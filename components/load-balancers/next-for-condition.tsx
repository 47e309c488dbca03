'use client'
import type { Condition } from '@/domain/shared/condition'
import { paths } from '@/components/client/paths'
import { TextLink } from '@/components/ui/text-link'
import { useBalancer } from './balancer-frame'

/** Where the next action that a condition names is taken. What it is stands in the condition's own message. */
export function NextForCondition({ condition: { type, reason, message } }: { condition: Condition }) {
  const { tenant, at, balancer: { metadata } } = useBalancer()
  const about = `${type} ${reason} ${message}`.toLowerCase()
  const [, source, namespace, name] = at
  const links = [
    ...(/certificate|secret|tls/.test(about) ? [{ label: 'Certificates', href: paths.loadBalancerCertificates(...at) }] : []),
    ...(/endpoint|backend|pod|ready/.test(about) && source === 'Service' ? [{ label: 'Pods behind it', href: paths.service(tenant, namespace, name) }] : []),
    ...(/endpoint|backend|pod/.test(about) && source === 'Ingress' ? [{ label: 'Services', href: paths.services(tenant, { namespace: metadata.namespace }) }] : []),
    ...(/rule|host|path|annotation|service/.test(about) ? [{ label: 'Rules', href: paths.loadBalancerRules(...at) }, { label: 'Edit YAML', href: paths.applyYaml(tenant, { from: `${source}/${namespace}/${name}` }) }] : []),
  ]
  return links.length > 0 && <p className="mt-1 flex flex-wrap gap-x-4">{links.map(({ label, href }) => <TextLink key={label} href={href}>{label}</TextLink>)}</p>
}
