import { expect, it } from 'vitest'
import { ingressSpec } from '@/domain/ingress/spec'
import { serviceSpec } from '@/domain/service/spec'
import { balancerProblems } from '@/components/load-balancers/annotations-change'
import type { Source } from '@/components/load-balancers/use-source'
import { withCertificate, withoutCertificate } from './use-certificate'

const prefix = 'balancer.hypernetes.io/'
const service = (over: Partial<Source> = {}): Extract<Source, { kind: 'Service' }> => ({ kind: 'Service', resourceVersion: '1', annotations: { [`${prefix}protocol`]: 'http' }, spec: serviceSpec.parse({ type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] }), ...over }) as Extract<Source, { kind: 'Service' }>

it('a Service of http gets port 443 with its first certificate, and is as it was without its last', () => {
  const before = service()
  const after = withCertificate(before, 'site')
  expect(after).toMatchObject({ annotations: { [`${prefix}protocol`]: 'https', [`${prefix}certificates`]: 'site' }, spec: { ports: [{ name: 'http', port: 80 }, { name: 'https', port: 443, targetPort: 8080 }] } })
  const source = { ...before, annotations: after.annotations, spec: serviceSpec.parse(after.spec) }
  expect(balancerProblems('web', source.annotations, source)).toEqual([])
  const two = withCertificate(source, 'other')
  expect(two.annotations[`${prefix}certificates`]).toBe('site,other')
  expect(withoutCertificate({ ...source, annotations: two.annotations }, 'site').annotations).toMatchObject({ [`${prefix}protocol`]: 'https', [`${prefix}certificates`]: 'other' })
  const back = withoutCertificate(source, 'site')
  expect(back).toMatchObject({ annotations: { [`${prefix}protocol`]: 'http' }, spec: { ports: [{ port: 80 }] } })
  expect(balancerProblems('web', back.annotations, { kind: 'Service', spec: serviceSpec.parse(back.spec) })).toEqual([])
})

it('an Ingress has it in its tls, and leads nobody to https without any', () => {
  const spec = ingressSpec.parse({ defaultBackend: { service: { name: 'web', port: { number: 80 } } } })
  const source: Source = { kind: 'Ingress', resourceVersion: '1', annotations: { [`${prefix}redirect-to-https`]: 'true' }, spec }
  const after = withCertificate(source, 'site')
  expect(after).toMatchObject({ spec: { tls: [{ secretName: 'site' }] } })
  expect(withCertificate({ ...source, spec: ingressSpec.parse(after.spec) }, 'site').spec).toBeUndefined()
  expect(withoutCertificate({ ...source, spec: ingressSpec.parse(after.spec) }, 'site')).toEqual({ annotations: {}, spec: { ...spec, tls: [] } })
})
