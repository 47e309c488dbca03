import { describe, expect, it } from 'vitest'
import { ingressSpec } from '@/domain/ingress/spec'
import { serviceSpec } from '@/domain/service/spec'
import { annotationFieldOf, balancerProblems, changedAnnotations } from './annotations-change'
import { balancerDraftSchema, balancerFieldOf, balancerObjectOf, newBalancerDraft, readTarget, type BalancerDraft } from './balancer-draft'

const services = [
  { name: 'web', spec: serviceSpec.parse({ selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }, { name: 'db', port: 5432 }] }) },
  { name: 'byhand', spec: serviceSpec.parse({ ports: [{ port: 80 }] }) },
]
const draft = (over: Partial<BalancerDraft>): BalancerDraft => ({ ...newBalancerDraft('default'), name: 'front', target: 'labels/app=web', port: '8080', ...over })
const problems = (over: Partial<BalancerDraft>) => (balancerDraftSchema(services).safeParse(draft(over)).error?.issues ?? []).map(({ path }) => path.join('.')).sort()
const prefix = 'balancer.hypernetes.io/'

describe('a balancer’s form', () => {
  it('becomes a Service for pods by label', () => {
    const made = balancerObjectOf(draft({ hosts: 'a.example.com\n*.b.example.com', floatingAddress: 'mine' }), services)
    expect(made).toMatchObject({ kind: 'Service', annotations: { [`${prefix}protocol`]: 'http', [`${prefix}hosts`]: 'a.example.com,*.b.example.com', [`${prefix}floating-address`]: 'mine' } })
    expect(serviceSpec.parse(made.spec)).toMatchObject({ type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080, protocol: 'TCP' }] })
    expect(balancerObjectOf(draft({ protocol: 'https', certificate: 'site' }), services)).toMatchObject({ annotations: { [`${prefix}protocol`]: 'https', [`${prefix}certificates`]: 'site', [`${prefix}redirect-to-https`]: 'true' }, spec: { ports: [{ name: 'http', port: 80 }, { name: 'https', port: 443 }] } })
    expect(balancerObjectOf(draft({ protocol: 'https', certificate: 'site', outside: '8443' }), services)).toMatchObject({ spec: { ports: [{ port: 8443, targetPort: 8080 }] } })
    expect(balancerObjectOf(draft({ protocol: 'udp', port: '53' }), services)).toMatchObject({ annotations: {}, spec: { ports: [{ port: 53, protocol: 'UDP' }] } })
  })
  it('becomes an Ingress before a service, and a Service with the same pods for tcp', () => {
    const plain = balancerObjectOf(draft({ target: 'service/web', port: '80' }), services)
    expect(plain.kind).toBe('Ingress')
    expect(ingressSpec.parse(plain.spec)).toMatchObject({ defaultBackend: { service: { name: 'web', port: { number: 80 } } }, rules: [], tls: [] })
    const ruled = balancerObjectOf(draft({ target: 'service/web', port: 'http', protocol: 'https', certificate: 'site', hosts: 'a.example.com', paths: '/api, /img' }), services)
    expect(ruled.annotations).toEqual({ [`${prefix}redirect-to-https`]: 'true' })
    expect(ingressSpec.parse(ruled.spec)).toMatchObject({ rules: [{ host: 'a.example.com', http: { paths: [{ path: '/api' }, { path: '/img' }] } }], tls: [{ secretName: 'site', hosts: ['a.example.com'] }] })
    expect(balancerObjectOf(draft({ target: 'service/web', port: '80', protocol: 'tcp' }), services)).toMatchObject({ kind: 'Service', annotations: {}, spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] } })
  })
  it('has each problem at its field', () => {
    expect(problems({})).toEqual([])
    expect(problems({ name: 'Web' })).toEqual(['name'])
    expect(problems({ target: '' })).toEqual(['target'])
    expect(problems({ port: '' })).toEqual(['port'])
    expect(problems({ port: '70000' })).toEqual(['port'])
    expect(problems({ outside: '0' })).toEqual(['outside'])
    expect(problems({ protocol: 'https' })).toEqual(['certificate'])
    expect(problems({ hosts: 'WWW.example.com' })).toEqual(['hosts'])
    expect(problems({ paths: 'api' })).toEqual(['paths'])
    expect(problems({ target: 'service/web', port: '0' })).toEqual(['port'])
    expect(problems({ target: 'service/web', port: '80', hosts: 'a b' })).toEqual(['hosts'])
    expect(problems({ target: 'service/byhand', port: '80', protocol: 'tcp' })).toEqual(['target'])
    expect(problems({ target: 'labels/a b=c' })).toEqual(['target'])
  })
  it('puts what the server says at the field too', () => {
    expect(['annotations["balancer.hypernetes.io/certificates"]', 'spec.ports[0].targetPort', 'spec.ports[0].port', 'spec.selector', 'spec.rules[0].http.paths[0].backend.service.name', 'spec.tls[0].secretName', 'metadata.annotations.balancer.hypernetes.io/floating-address', 'name'].map(balancerFieldOf)).toEqual(['certificate', 'port', 'outside', 'target', 'target', 'certificate', 'floatingAddress', 'name'])
    expect([readTarget(''), readTarget('service/'), readTarget('labels/app.example.com/name=a')]).toEqual([null, null, { kind: 'labels', selector: { 'app.example.com/name': 'a' } }])
  })
})

describe('options in annotations', () => {
  it('are set and taken away, and the others stay', () => {
    expect(changedAnnotations({ note: 'mine', [`${prefix}max-body`]: '1Mi', [`${prefix}hosts`]: 'a' }, { 'max-body': '', 'rate-limit': ' 5 ' })).toEqual({ note: 'mine', [`${prefix}hosts`]: 'a', [`${prefix}rate-limit`]: '5' })
  })
  it('are checked as the server does, each at its own', () => {
    const service = serviceSpec.parse({ type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port: 80 }] })
    const ingress = ingressSpec.parse({ defaultBackend: { service: { name: 'web', port: { number: 80 } } } })
    const at = (kind: 'Service' | 'Ingress', own: Record<string, string>) => balancerProblems('web', changedAnnotations({}, own), kind === 'Service' ? { kind, spec: service } : { kind, spec: ingress }).map(({ key }) => key)
    expect(at('Service', { protocol: 'http', 'max-body': '10Mi', allow: '192.0.2.0/24, 2001:db8::/32', 'client-timeout': '5m' })).toEqual([])
    expect(at('Service', { 'max-body': 'much', allow: '192.0.2.1/24', 'client-timeout': '5' }).sort()).toEqual(['allow', 'client-timeout', 'max-body'])
    expect(at('Ingress', { protocol: 'http', nonsense: '1' }).sort()).toEqual(['nonsense', 'protocol'])
    expect([annotationFieldOf('metadata.annotations["balancer.hypernetes.io/max-body"]'), annotationFieldOf('annotations.balancer.hypernetes.io/allow'), annotationFieldOf('name')]).toEqual(['max-body', 'allow', 'name'])
  })
})
