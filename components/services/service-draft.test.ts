import { describe, expect, it } from 'vitest'
import { serviceSpec } from '@/domain/service/spec'
import { newPort, newServiceDraft, serviceDraftOf, serviceDraftSchema, serviceFieldOf, serviceSpecOf, type ServiceDraft } from './service-draft'
import { endpointsLook, namesOf, portText, selectedBy, typeName } from './words'

const draft = (over: Partial<ServiceDraft> = {}): ServiceDraft => ({ ...newServiceDraft('default'), name: 'web', selector: 'app=web', ...over })
const problems = (over: Partial<ServiceDraft>) => serviceDraftSchema().safeParse(draft(over)).error?.issues.map(({ path }) => path.join('.')) ?? []
const metadata = { name: 'web', namespace: 'default', labels: {} }

describe('a service’s form', () => {
  it('becomes a spec', () => {
    expect(serviceSpec.parse(serviceSpecOf(draft()))).toMatchObject({ type: 'ClusterIP', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080, protocol: 'TCP' }], sessionAffinity: 'None', internalTrafficPolicy: 'Cluster' })
    expect(serviceSpec.parse(serviceSpecOf(draft({ headless: true, ports: [] })))).toMatchObject({ clusterIP: 'None', ports: [] })
    expect(serviceSpec.parse(serviceSpecOf(draft({ affinity: true, affinitySeconds: '60', local: true, publishNotReady: true, ports: [newPort({ port: '53', protocol: 'UDP', targetPort: 'dns' })] })))).toMatchObject({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } }, internalTrafficPolicy: 'Local', publishNotReadyAddresses: true, ports: [{ targetPort: 'dns', protocol: 'UDP' }] })
  })
  it('keeps what it does not show of a service that is there', () => {
    const spec = serviceSpec.parse({ type: 'LoadBalancer', selector: { app: 'web' }, clusterIP: '10.96.0.9', ipFamilies: ['IPv4'], externalTrafficPolicy: 'Local', ports: [{ name: 'http', port: 80, appProtocol: 'http' }], sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } })
    expect(serviceSpec.parse(serviceSpecOf(serviceDraftOf(metadata, spec), spec))).toEqual(spec)
    const headless = serviceSpec.parse({ clusterIP: 'None', selector: { app: 'web' } })
    expect(serviceSpec.parse(serviceSpecOf(serviceDraftOf(metadata, headless), headless))).toEqual(headless)
    expect(serviceSpec.parse(serviceSpecOf({ ...serviceDraftOf(metadata, spec), affinity: false }, spec))).not.toHaveProperty('sessionAffinityConfig')
  })
  it('has each problem at its field', () => {
    expect(problems({})).toEqual([])
    expect(problems({ name: '9web' })).toEqual(['name'])
    expect(problems({ selector: 'a b=c' })).toEqual(['selector'])
    expect(problems({ ports: [] })).toEqual(['ports'])
    expect(problems({ ports: [newPort({ port: '' })] })).toEqual(['ports.0.port'])
    expect(problems({ ports: [newPort({ port: '70000' })] })).toEqual(['ports.0.port'])
    expect(problems({ ports: [newPort({ port: '80', targetPort: 'Not a name' })] })).toEqual(['ports.0.targetPort'])
    expect(problems({ ports: [newPort({ port: '80' }), newPort({ port: '81' })] })).toEqual(['ports.0.name', 'ports.1.name'])
    expect(problems({ affinity: true, affinitySeconds: '0' })).toEqual(['affinitySeconds'])
  })
  it('has the problems between fields beside those of a field', () => {
    const sorted = (over: Partial<ServiceDraft>) => problems(over).sort()
    expect(sorted({ ports: [newPort({ name: 'http', port: '' }), newPort({ port: '81' })] })).toEqual(['ports.0.port', 'ports.1.name'])
    expect(sorted({ ports: [newPort({ name: 'a', port: '' }), newPort({ name: 'b', port: '65535' })] })).toEqual(['ports.0.port'])
    expect(sorted({ name: '', selector: 'a b=c', ports: [newPort({ name: 'a', port: '80' }), newPort({ name: 'a', port: '80', targetPort: '0' }), newPort({ name: 'X', port: '82' })] })).toEqual(['name', 'ports.1.name', 'ports.1.port', 'ports.1.targetPort', 'ports.2.name', 'selector'])
  })
  it('puts what the server says at the field too', () => {
    expect(['name', 'spec.ports[1].port', 'spec.selector', 'spec.clusterIP', 'spec.sessionAffinityConfig.clientIP.timeoutSeconds', 'namespace'].map(serviceFieldOf)).toEqual(['name', 'ports.1.port', 'selector', 'headless', 'affinitySeconds', 'namespace'])
  })
})

describe('a service in words', () => {
  const status = { network: 'default', addresses: [], hostname: 'web.default.svc.cluster.local', endpointsReady: 0, endpointsNotReady: 0, loadBalancer: null, conditions: [] }
  it('has a type, ports and names', () => {
    expect([{ type: 'ClusterIP' as const, clusterIP: 'None' }, { type: 'NetworkProvider' as const }, { type: 'ExternalName' as const }].map(typeName)).toEqual(['Headless', 'LoadBalancer', 'ExternalName'])
    expect(serviceSpec.parse({ ports: [{ name: 'a', port: 80, targetPort: 'http' }, { name: 'b', port: 53, protocol: 'UDP' }] }).ports.map(portText)).toEqual(['80 → http/TCP', '53/UDP'])
    expect(namesOf({ metadata: { name: 'web', namespace: 'default' }, status } as unknown as Parameters<typeof namesOf>[0]).map(({ name }) => name)).toEqual(['web', 'web.default', 'web.default.svc.cluster.local'])
  })
  it('is behind its pods by all of its labels; without a selector by none', () => {
    expect([selectedBy({ app: 'web' }, { app: 'web', tier: 'x' }), selectedBy({ app: 'web', tier: 'y' }, { app: 'web' }), selectedBy({}, { app: 'web' })]).toEqual([true, false, false])
  })
  it('says by shape how many endpoints are ready', () => {
    const look = (endpointsReady: number, endpointsNotReady: number) => endpointsLook({ spec: serviceSpec.parse({ ports: [{ port: 80 }] }), status: { ...status, endpointsReady, endpointsNotReady } })
    expect([look(0, 0), look(2, 0), look(1, 1), look(0, 1)].map((each) => each?.shape)).toEqual(['stopped', 'running', 'unknown', 'failed'])
    expect(look(1, 2)?.text).toBe('1 of 3')
    expect(endpointsLook({ spec: serviceSpec.parse({ type: 'ExternalName', externalName: 'example.com' }), status })).toBeNull()
  })
})
