'use client'
import { paths } from '@/components/client/paths'
import { IngressRulesForm } from '@/components/ingresses/ingress-rules-form'
import { useBalancer } from './balancer-frame'
import { ServiceRulesForm } from './service-rules-form'
import { SourceForm } from './source-form'

/** Changes which request goes where, beside the rules. */
export function EditRules() {
  const { at, balancer } = useBalancer()
  return (
    <SourceForm title={`Edit rules of ${balancer.metadata.name}`} back={paths.loadBalancerRules(...at)}>
      {(source) => (source.kind === 'Service' ? <ServiceRulesForm source={source} /> : <IngressRulesForm source={source} />)}
    </SourceForm>
  )
}
