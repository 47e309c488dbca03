'use client'
import type { Condition } from '@/domain/shared/condition'
import { paths } from '@/components/client/paths'
import { TextLink } from '@/components/ui/text-link'
import { useBalancer } from './balancer-frame'

/** What of a balancer asks for something: a condition that is not true, or one that is in part. */
export const asksFor = ({ status, reason, message }: Condition): boolean => message !== '' && (status !== 'True' || reason === 'Degraded' || (reason === 'Partly' && !endsAlone(message)))
/** That a certificate ends soon is warned of by itself, and all of the balancer works until then. */
const endsAlone = (message: string): boolean => /^Answers at [^"]*? ?(metadata|spec)\S* the certificate in Secret "[^"]*" expire(?:(?! metadata\.| spec\.)[^\n])*$/.test(message)

/** Where the next action that a condition names is taken. What it is stands in the condition's own message. */
export function NextForCondition({ condition }: { condition: Condition }) {
  const { tenant, at, balancer: { metadata, status } } = useBalancer()
  if (!asksFor(condition)) return null
  const { reason, message } = condition
  const [, source, namespace, name] = at
  const links = [
    ...(/certificate|Secret "/.test(message) ? [{ label: 'Certificates', href: paths.loadBalancerCertificates(...at) }] : []),
    ...(/Service "/.test(message) ? [{ label: 'Services', href: paths.services(tenant, { namespace: metadata.namespace }) }] : []),
    ...(reason === 'Invalid' ? [{ label: 'Rules', href: paths.loadBalancerRules(...at) }, { label: 'Options', href: paths.loadBalancerOptions(...at) }] : []),
    ...(reason === 'NoAddress' ? [{ label: 'Floating addresses', href: paths.floatingAddresses(tenant) }] : []),
    ...(reason === 'NoAddressInNetwork' ? [{ label: `Network ${status.network}`, href: paths.network(tenant, status.network) }] : []),
    ...(reason === 'Invalid' || reason === 'Partly' ? [{ label: 'Edit YAML', href: paths.applyYaml(tenant, { from: `${source}/${namespace}/${name}` }) }] : []),
  ]
  return links.length > 0 && <p className="mt-1 flex flex-wrap gap-x-4">{links.map(({ label, href }) => <TextLink key={label} href={href}>{label}</TextLink>)}</p>
}
