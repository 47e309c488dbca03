import { expect, it } from 'vitest'
import { defaultOptions } from '@/domain/load-balancer/model'
import { backendsLook, expiryOf, isStuck, listenersText, messageLines, otherEndpoints, ruleRows, silenceOf } from './balancer-words'
import { labelTargets, portsOfTarget } from './targets'
import { allOptions, secondsText } from './option-words'

const listener = { certificates: [], rules: [], defaultBackend: 'web', redirectToHttps: null, acceptProxy: false } as const
const model = {
  listeners: [
    { ...listener, certificates: [], rules: [], port: 80, protocol: 'http' as const, redirectToHttps: 443, defaultBackend: null },
    { ...listener, certificates: [], port: 443, protocol: 'https' as const, rules: [{ id: 'r1', host: 'a.example.com', path: { type: 'Prefix' as const, value: '/api' }, backend: 'web' }], defaultBackend: null },
    { ...listener, certificates: [], rules: [], port: 5432, protocol: 'tcp' as const },
  ],
  backends: [{ name: 'web', mode: 'http' as const, protocol: 'http1' as const, sendProxy: false, algorithm: 'roundrobin' as const, stickyCookie: null }],
  options: defaultOptions,
}

it('says where each request goes, in the order in which rules are tried', () => {
  const rows = ruleRows({ model, backends: [{ name: 'web', service: 'shop', port: 80, servers: [] }] })
  expect(rows.map(({ listener, host, path, backend, redirect }) => [listener, host, path, redirect ?? backend])).toEqual([
    ['80 http', null, 'Everything', 443],
    ['443 https', 'a.example.com', '/api and below', 'shop:80'],
    ['443 https', null, 'Everything else', '404 Not Found'],
    ['5432 tcp', null, 'Everything', 'shop:80'],
  ])
  expect(ruleRows({ model: null, backends: [] })).toEqual([])
  expect(listenersText(model)).toBe('80 http, 443 https, 5432 tcp')
})

it('says where clients of other protocols connect, IPv6 in brackets', () => {
  const status = { phase: 'Active' as const, network: 'default', addresses: ['198.18.100.7', '2001:db8::7'], urls: [], host: null, backendsReady: 0, backendsTotal: 0, conditions: [] }
  expect(otherEndpoints(model.listeners, status).map(({ text }) => text)).toEqual(['198.18.100.7:5432', '[2001:db8::7]:5432'])
})

it('tells by shape how many backends are ready, and how near an end is', () => {
  const look = (backendsReady: number, backendsTotal: number) => backendsLook({ backendsReady, backendsTotal }).shape
  expect([look(0, 0), look(0, 2), look(1, 2), look(2, 2)]).toEqual(['stopped', 'failed', 'unknown', 'running'])
  const now = Date.parse('2026-11-26T00:00:00Z')
  expect([expiryOf('2027-11-26T00:00:00Z', now), expiryOf('2026-12-06T00:00:00Z', now), expiryOf('2026-11-25T00:00:00Z', now)].map(({ tone, days }) => [tone, days])).toEqual([['success', 365], ['notice', 10], ['error', -1]])
})

it('offers the labels of pods that are there, those of most first, with their ports', () => {
  const pod = (labels: Record<string, string>, port: number) => ({ metadata: { labels }, spec: { containers: [{ name: 'main', ports: [{ containerPort: port, name: 'http' }] }] } }) as unknown as Parameters<typeof labelTargets>[0][number]
  const pods = [pod({ app: 'web', tier: 'front' }, 8080), pod({ app: 'web', 'pod-template-hash': 'x' }, 8080), pod({ app: 'db' }, 5432)]
  expect(labelTargets(pods).map(({ text }) => text)).toEqual(['app=web (2 pods)', 'app=db (1 pod)', 'tier=front (1 pod)'])
  expect(portsOfTarget('labels/app=web', [], pods)).toEqual([{ value: '8080', detail: 'http' }])
})

it('has every option once, with its value now in words', () => {
  expect(new Set(allOptions.map(({ key }) => key)).size).toBe(allOptions.length)
  expect(Object.fromEntries(allOptions.map(({ key, now }) => [key, now(model)]))).toMatchObject({ 'connect-timeout': '5 s', 'tunnel-timeout': '1 h', 'rate-limit': 'Any', allow: 'Everybody', 'redirect-to-https': 'Yes', 'sticky-cookie': 'No', 'access-log': 'Each' })
  expect([0.5, 90, 300].map(secondsText)).toEqual(['500 ms', '90 s', '5 min'])
})

it('says what of a message is of which field on lines of their own', () => {
  expect(messageLines('Answers at 198.18.100.2. spec.tls[0].secretName the certificate in Secret "a" expired. metadata.annotations["x"] is spec.')).toBe('Answers at 198.18.100.2.\nspec.tls[0].secretName the certificate in Secret "a" expired.\nmetadata.annotations["x"] is spec.')
})

it('says why clients are not answered by a balancer that runs', () => {
  const status = { phase: 'Active' as const, network: 'default', addresses: [], managedAddresses: [], urls: [], host: 'h', backendsReady: 0, backendsTotal: 3, conditions: [] }
  const backends = [{ name: 'web', service: 'shop', port: 80, servers: [] }]
  expect(silenceOf({ status, backends })).toContain('down or not ready')
  expect(silenceOf({ status: { ...status, backendsTotal: 0 }, backends })).toContain('No pod is ready')
  expect([silenceOf({ status: { ...status, backendsReady: 1 }, backends }), silenceOf({ status: { ...status, phase: 'Pending' }, backends }), silenceOf({ status, backends: [] })]).toEqual([null, null, null])
})

it('a balancer that waits for a person is not said to be on its way', () => {
  const conditions = (reason: string) => [{ type: 'LoadBalancer', status: 'False' as const, reason, message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }]
  expect([isStuck({ phase: 'Pending', conditions: conditions('NoAddress') }), isStuck({ phase: 'Pending', conditions: conditions('Pending') }), isStuck({ phase: 'Pending', conditions: [] }), isStuck({ phase: 'Active', conditions: conditions('NoAddress') })]).toEqual([true, false, false, false])
})
