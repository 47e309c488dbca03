import type { IngressSpec } from '@/domain/ingress/spec'
import { balancerAnnotationsOf } from '@/domain/load-balancer/annotations'
import type { ServiceSpec } from '@/domain/service/spec'
import { changedAnnotations } from '@/components/load-balancers/annotations-change'
import { withHttpsPort, withoutHttpsPort } from '@/components/load-balancers/https-port'
import type { Source } from '@/components/load-balancers/use-source'

type Change = { annotations: Record<string, string>; spec?: ServiceSpec | IngressSpec }
const split = (text: string | undefined) => (text ?? '').split(',').map((part) => part.trim()).filter(Boolean)

/** Whether a balancer shows the certificate of a Secret. */
export const usesCertificate = (source: Source, secret: string): boolean => (source.kind === 'Service' ? split(balancerAnnotationsOf(source.annotations)['certificates']).includes(secret) : source.spec.tls.some(({ secretName }) => secretName === secret))

/** What asked for a balancer with one more certificate; a Service speaks https with it from then on, at port 443 where it had 80 alone. */
export function withCertificate(source: Source, secret: string): Change {
  const { annotations } = source
  if (usesCertificate(source, secret)) return { annotations }
  if (source.kind === 'Ingress') return { annotations, spec: { ...source.spec, tls: [...source.spec.tls, { secretName: secret, hosts: [] }] } }
  return { annotations: changedAnnotations(annotations, { protocol: 'https', certificates: [...split(balancerAnnotationsOf(annotations)['certificates']), secret].join(',') }), spec: withHttpsPort(source.spec) }
}

/** And without it. Without any certificate it speaks http, and leads nobody to https. */
export function withoutCertificate(source: Source, secret: string): Change {
  const { annotations } = source
  if (source.kind === 'Ingress') {
    const tls = source.spec.tls.filter(({ secretName }) => secretName !== secret)
    return { annotations: tls.length === 0 ? changedAnnotations(annotations, { 'redirect-to-https': '' }) : annotations, spec: { ...source.spec, tls } }
  }
  const left = split(balancerAnnotationsOf(annotations)['certificates']).filter((each) => each !== secret)
  if (left.length > 0) return { annotations: changedAnnotations(annotations, { certificates: left.join(',') }) }
  return { annotations: changedAnnotations(annotations, { certificates: '', protocol: 'http', 'redirect-to-https': '' }), spec: withoutHttpsPort(source.spec) }
}
