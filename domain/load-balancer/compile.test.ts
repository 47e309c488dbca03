import { describe, expect, it } from 'vitest'
import { ingressSpec } from '../ingress/spec'
import { serviceSpec } from '../service/spec'
import { anyCertificate } from './certificates'
import { compileIngress } from './compile-ingress'
import { compileService } from './compile'
import { compiledBalancer } from './compiled'
import { defaultOptions } from './model'

const uid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const prefixed = (short: Record<string, string>) => Object.fromEntries(Object.entries(short).map(([key, value]) => [`balancer.hypernetes.io/${key}`, value]))
const known = new Map([['web-tls', { id: uid(1), names: ['www.example.com', '*.shop.example.com'], problem: null }], ['other-tls', { id: uid(2), names: ['other.example.com'], problem: null }], ['broken', { id: uid(3), names: [], problem: 'tls.crt is no certificate' }]])
const web = [{ name: 'http', port: 80, targetPort: 8080 }]
const both = [...web, { name: 'https', port: 443, targetPort: 8080 }]
const service = (ports: object[], annotations: Record<string, string> = {}, spec: object = {}, certificates: Parameters<typeof compileService>[0]['certificates'] = known) => compileService({ name: 'web', spec: serviceSpec.parse({ type: 'LoadBalancer', selector: { app: 'web' }, ports, ...spec }), annotations: prefixed(annotations), certificates })
const done = (result: ReturnType<typeof compileService>) => {
  if ('problems' in result) throw new Error(JSON.stringify(result.problems))
  expect(compiledBalancer.parse(result.compiled)).toEqual(result.compiled)
  return { ...result.compiled, warnings: result.warnings }
}
const problemsOf = (result: ReturnType<typeof compileService>) => ('problems' in result ? result.problems : [])
const at = (name: string, message: string) => ({ path: `metadata.annotations["balancer.hypernetes.io/${name}"]`, message: expect.stringContaining(message) as string })

describe('a balancer of a Service', () => {
  it('has a listener and a backend for each port, of TCP and of UDP', () => {
    const { model, services, certificates } = done(service([{ name: 'dns', port: 53, protocol: 'UDP' }, { name: 'dns-tcp', port: 53 }]))
    expect(model.listeners).toEqual([
      { port: 53, protocol: 'udp', certificates: [], rules: [], defaultBackend: 'udp-53', redirectToHttps: null, acceptProxy: false },
      { port: 53, protocol: 'tcp', certificates: [], rules: [], defaultBackend: 'tcp-53', redirectToHttps: null, acceptProxy: false },
    ])
    expect(model.backends).toEqual([
      { name: 'udp-53', mode: 'udp', protocol: 'http1', sendProxy: false, algorithm: 'roundrobin', stickyCookie: null },
      { name: 'tcp-53', mode: 'tcp', protocol: 'http1', sendProxy: false, algorithm: 'roundrobin', stickyCookie: null },
    ])
    expect(services).toEqual([{ backend: 'udp-53', service: 'web', port: 'dns' }, { backend: 'tcp-53', service: 'web', port: 'dns-tcp' }])
    expect([model.options, certificates]).toEqual([defaultOptions, []])
    expect(done(service([{ port: 5432 }])).services).toEqual([{ backend: 'tcp-5432', service: 'web', port: 5432 }])
  })

  it('speaks https with its certificates, and http on port 80, which leads to https where it says so', () => {
    const { model, certificates, warnings } = done(service(both, { protocol: 'https', certificates: 'web-tls, other-tls', 'redirect-to-https': 'true' }))
    expect(model.listeners).toMatchObject([{ port: 80, protocol: 'http', certificates: [], redirectToHttps: 443, defaultBackend: 'tcp-80' }, { port: 443, protocol: 'https', certificates: [uid(1), uid(2)], redirectToHttps: null }])
    expect(certificates).toEqual([{ id: uid(1), secret: 'web-tls' }, { id: uid(2), secret: 'other-tls' }])
    expect(warnings).toEqual([])
    expect(model.backends.map(({ mode }) => mode)).toEqual(['http', 'http'])
  })

  it('goes on without certificates that cannot be used, and says which', () => {
    const part = done(service(both, { protocol: 'https', certificates: 'missing,broken' }))
    expect(part.model.listeners.map(({ port }) => port)).toEqual([80])
    expect(part.warnings).toEqual([at('certificates', 'Secret "missing" does not exist'), at('certificates', 'Secret "broken" cannot be used: tls.crt is no certificate')])
    expect(problemsOf(service([{ port: 443 }], { protocol: 'https', certificates: 'missing' }))).toEqual([at('certificates', 'Secret "missing" does not exist')])
    expect(done(service([{ port: 443 }], { protocol: 'https', certificates: 'missing' }, {}, anyCertificate)).model.listeners).toHaveLength(1)
  })

  it('has rules for hosts times paths, in the order in which they are tried, whose ids stay when others come', () => {
    const { model } = done(service(web, { protocol: 'http', hosts: '*.example.com,www.example.com', paths: '/,/api/,/api/v2' }))
    const [{ rules, defaultBackend }] = model.listeners as [(typeof model.listeners)[number]]
    expect(rules.map(({ host, path }) => `${host} ${path?.value ?? '*'}`)).toEqual(['www.example.com /api/v2', 'www.example.com /api', 'www.example.com *', '*.example.com /api/v2', '*.example.com /api', '*.example.com *'])
    expect(defaultBackend).toBeNull()
    expect(new Set(rules.map(({ id }) => id)).size).toBe(6)
    const [fewer] = done(service(web, { protocol: 'http', hosts: 'www.example.com', paths: '/api' })).model.listeners
    expect(rules.map(({ id }) => id)).toContain(fewer?.rules[0]?.id)
    expect(problemsOf(service(web, { protocol: 'http', paths: '/a,/a/' }))).toEqual([at('paths', 'collides with')])
  })

  it('takes every option from its annotation', () => {
    const { model } = done(service(both, { protocol: 'https', certificates: 'web-tls', 'connect-timeout': '500ms', 'client-timeout': '2m', 'server-timeout': '1h', 'request-timeout': '3s', 'tunnel-timeout': '2h', 'drain-timeout': '0s', 'max-connections': '77', 'max-body': '10Mi', 'rate-limit': '20', 'access-log': '10', algorithm: 'leastconn', 'sticky-cookie': 'HN_S', 'backend-protocol': 'grpc', 'accept-proxy-protocol': 'true', 'send-proxy-protocol': 'true', allow: '192.0.2.0/24' }))
    expect(model.options).toEqual({ connectSeconds: 0.5, clientSeconds: 120, serverSeconds: 3600, requestSeconds: 3, tunnelSeconds: 7200, drainSeconds: 0, maxConnections: 77, maxBodyBytes: 10 << 20, ratePerSecond: 20, allow: ['192.0.2.0/24'], logOneOf: 10 })
    expect(model.backends[1]).toEqual({ name: 'tcp-443', mode: 'http', protocol: 'h2c', sendProxy: true, algorithm: 'leastconn', stickyCookie: 'HN_S' })
    expect(model.listeners.map(({ acceptProxy }) => acceptProxy)).toEqual([true, true])
    expect(done(service(web, { 'access-log': 'off' })).model.options.logOneOf).toBeNull()
    expect(done(service([{ port: 80, appProtocol: 'kubernetes.io/h2c' }], { protocol: 'http' })).model.backends[0]?.protocol).toBe('h2c')
  })

  it('keeps a client at a pod where the service does, and counts no connections of UDP', () => {
    expect(done(service(web, {}, { sessionAffinity: 'ClientIP' })).model.backends[0]?.algorithm).toBe('source')
    const mixed = done(service([{ name: 'u', port: 1, protocol: 'UDP' }, { name: 't', port: 1 }], { algorithm: 'leastconn' }))
    expect(mixed.model.backends.map(({ algorithm }) => algorithm)).toEqual(['roundrobin', 'leastconn'])
  })

  it('lets in who is in both lists, the annotation\'s and loadBalancerSourceRanges', () => {
    const allow = (annotation: string | null, ranges: string[]) => done(service(web, annotation === null ? {} : { allow: annotation }, { loadBalancerSourceRanges: ranges })).model.options.allow
    expect(allow(null, [])).toBeNull()
    expect(allow('10.0.0.0/8, 10.1.0.0/16,FD00::/64', [])).toEqual(['10.0.0.0/8', 'fd00::/64'])
    expect(allow(null, ['192.0.2.0/24'])).toEqual(['192.0.2.0/24'])
    expect(allow('10.0.0.0/8,192.0.2.7/32', ['10.5.0.0/16', '192.0.2.0/24', 'fd00::/8'])).toEqual(['10.5.0.0/16', '192.0.2.7/32'])
    expect(problemsOf(service(web, { allow: '10.0.0.0/8' }, { loadBalancerSourceRanges: ['192.0.2.0/24'] }))).toEqual([at('allow', 'nobody could connect')])
    expect(() => service(web, {}, { loadBalancerSourceRanges: ['10.0.0.1/8'] })).toThrow(/without host bits/)
  })

  it.each([
    [web, { protocol: 'htp' }, 'protocol', 'must be tcp, http or https'],
    [web, { protocl: 'http' }, 'protocl', 'is not known: balancer.hypernetes.io/protocol is'],
    [web, { certificate: 'web-tls' }, 'certificate', 'balancer.hypernetes.io/certificates is'],
    [web, { xyzzy: '1' }, 'xyzzy', 'is not known: there are floating-address'],
    [web, { weight: '1' }, 'weight', 'is for Pods alone'],
    [web, { protocol: 'https', certificates: 'web-tls' }, 'protocol', 'needs a port of TCP beside 80'],
    [both, { protocol: 'https' }, 'certificates', 'is required where the protocol is https'],
    [both, { certificates: 'web-tls' }, 'certificates', 'is for https alone'],
    [web, { protocol: 'http', 'redirect-to-https': 'true' }, 'redirect-to-https', 'needs a port of https'],
    [web, { paths: '/a' }, 'paths', 'is for http alone'],
    [web, { 'sticky-cookie': 'S' }, 'sticky-cookie', 'is for http alone'],
    [web, { 'max-body': '1Mi' }, 'max-body', 'is for http alone'],
    [web, { protocol: 'http', 'max-body': 'much' }, 'max-body', 'must be a quantity of bytes'],
    [web, { protocol: 'http', 'max-body': '2Ti' }, 'max-body', 'must be at most 1Ti'],
    [[{ port: 1, protocol: 'UDP' }], { 'rate-limit': '5' }, 'rate-limit', 'is not carried out for UDP'],
    [[{ port: 1, protocol: 'UDP' }], { algorithm: 'leastconn' }, 'algorithm', 'has no connections'],
    [[{ port: 1, protocol: 'UDP' }], { protocol: 'http' }, 'protocol', 'is for ports of TCP'],
    [web, { 'connect-timeout': '5' }, 'connect-timeout', 'must be a time such as'],
    [web, { 'connect-timeout': '50ms' }, 'connect-timeout', 'must be at least 100ms'],
    [web, { 'connect-timeout': '5m' }, 'connect-timeout', 'must be at most 60s'],
    [web, { 'rate-limit': '0' }, 'rate-limit', 'must be 1 to 1000000'],
    [web, { 'rate-limit': '1e3' }, 'rate-limit', 'must be a whole number'],
    [web, { allow: '10.0.0.1/8' }, 'allow', 'its entry 1 must be subnets'],
    [web, { allow: ' , ' }, 'allow', 'must name one'],
    [web, { 'accept-proxy-protocol': 'yes' }, 'accept-proxy-protocol', 'must be "true" or "false"'],
    [web, { 'access-log': 'on' }, 'access-log', 'must be off, or'],
    [web, { 'accept-proxy-protocol': 'true', 'rate-limit': '5' }, 'rate-limit', 'bounds nobody together with accept-proxy-protocol'],
    [web, { protocol: 'http', hosts: 'a.example.com,a.example.com' }, 'hosts', 'must name each once'],
    [web, { 'floating-address': 'Not A Name' }, 'floating-address', 'must consist of'],
  ])('is refused with the annotation that is wrong: %j %j', (ports, annotations, name, message) => {
    expect(problemsOf(service(ports, annotations))).toEqual([at(name, message)])
  })

  const hostile = ['\n', '\r', '\0', '"', '\'"', '\\', '%', '%[src]', '#', ' ', '\t', '{', '}', '$(id)x{', '`', '\u202e', '\u00e9', '\ud83d\ude00', '\u2028', 'x'.repeat(70_000)]
  it.each(['hosts', 'paths', 'sticky-cookie', 'allow', 'certificates', 'protocol', 'algorithm', 'max-body', 'rate-limit', 'connect-timeout', 'access-log', 'floating-address', 'accept-proxy-protocol', 'backend-protocol'])('lets no text into a configuration by %s', (key) => {
    const good: Record<string, string> = { hosts: 'www.example.com', paths: '/a', 'sticky-cookie': 'S', allow: '10.0.0.0/8', certificates: 'web-tls', protocol: 'https', algorithm: 'source', 'max-body': '1Mi', 'rate-limit': '5', 'connect-timeout': '1s', 'access-log': '1', 'floating-address': 'a', 'accept-proxy-protocol': 'true', 'backend-protocol': 'http' }
    for (const bad of hostile) {
      for (const text of [`${good[key]}${bad}x`, ...(bad === ' ' ? [] : [`${bad}x${good[key]}`]), `${good[key]?.slice(0, 1)}${bad}${good[key]}`]) {
        const problems = problemsOf(service(both, { protocol: 'https', certificates: 'web-tls', [key]: text }))
        expect(problems.length, `${key}: ${JSON.stringify(text.slice(0, 60))}`).toBeGreaterThan(0)
        expect(JSON.stringify(problems)).not.toContain('x'.repeat(300))
        if (!/^[ -~]*$/.test(bad)) expect(JSON.stringify(problems.map(({ message }) => message))).not.toContain(JSON.stringify(bad).slice(1, -1))
      }
    }
  })
})

const backend = (name: string, port: number | string = 80) => ({ service: { name, port: typeof port === 'number' ? { number: port } : { name: port } } })
const path = (value: string, to: string, pathType = 'Prefix', port: number | string = 80) => ({ path: value, pathType, backend: backend(to, port) })
const services = new Map([['web', serviceSpec.parse({ ports: [{ name: 'http', port: 80 }, { name: 'dns', port: 53, protocol: 'UDP' }] })], ['api', serviceSpec.parse({ ports: [{ port: 80, appProtocol: 'kubernetes.io/h2c' }], sessionAffinity: 'ClientIP' })]])
const ingress = (spec: object, annotations: Record<string, string> = {}, certificates: Parameters<typeof compileIngress>[0]['certificates'] = known) => compileIngress({ name: 'front', spec: ingressSpec.parse(spec), annotations: prefixed(annotations), services, certificates })

describe('a balancer of an Ingress', () => {
  it('speaks http always, and https where it has tls; both by the same rules', () => {
    const spec = { rules: [{ host: 'www.example.com', http: { paths: [path('/', 'web'), path('/api', 'api'), path('/api/health', 'web', 'Exact')] } }, { http: { paths: [path('/', 'web', 'Prefix', 'http')] } }], tls: [{ hosts: ['www.example.com'], secretName: 'web-tls' }] }
    const { model, services: named, certificates, warnings } = done(ingress(spec, { 'redirect-to-https': 'true', 'sticky-cookie': 'S' }))
    expect(model.listeners).toMatchObject([{ port: 80, protocol: 'http', redirectToHttps: 443, defaultBackend: null }, { port: 443, protocol: 'https', certificates: [uid(1)], redirectToHttps: null }])
    expect(model.listeners[0]?.rules).toEqual(model.listeners[1]?.rules)
    expect(model.listeners[0]?.rules.map(({ host, path, backend: to }) => `${host} ${path ? `${path.type} ${path.value}` : '*'} ${to}`)).toEqual(['www.example.com Exact /api/health web_http', 'www.example.com Prefix /api api_80', 'www.example.com * web_http', 'null * web_http'])
    expect(named).toEqual([{ backend: 'web_http', service: 'web', port: 'http' }, { backend: 'api_80', service: 'api', port: 80 }])
    expect(model.backends).toMatchObject([{ mode: 'http', protocol: 'http1', algorithm: 'roundrobin', stickyCookie: 'S' }, { protocol: 'h2c', algorithm: 'source' }])
    expect([certificates, warnings]).toEqual([[{ id: uid(1), secret: 'web-tls' }], []])
    expect(done(ingress({ defaultBackend: backend('web') })).model.listeners).toMatchObject([{ port: 80, rules: [], defaultBackend: 'web_http' }])
  })

  it('says what is not there yet, and leads there all the same', () => {
    const { model, services: named, warnings } = done(ingress({ rules: [{ http: { paths: [path('/', 'later'), path('/dns', 'web', 'Prefix', 53)] } }], tls: [{ secretName: 'missing' }, { secretName: 'other-tls', hosts: ['www.example.com', 'other.example.com'] }] }))
    expect(model.listeners.map(({ port, certificates }) => [port, certificates])).toEqual([[80, []], [443, [uid(2)]]])
    expect(named).toEqual([{ backend: 'later_80', service: 'later', port: 80 }, { backend: 'web_53', service: 'web', port: 53 }])
    expect(warnings.map(({ path: where, message }) => `${where}: ${message}`)).toEqual([
      'spec.tls[0].secretName: Secret "missing" does not exist in this namespace: create it with type kubernetes.io/tls',
      'spec.tls[1].hosts[0]: the certificate in Secret "other-tls" is not for www.example.com: clients refuse it',
      'spec.rules[0].http.paths[0].backend.service.name: Service "later" does not exist in this namespace: what leads to it is answered with 503 until it does',
      'spec.rules[0].http.paths[1].backend.service.port: Service "web" has no such port of TCP: what leads to it is answered with 503',
    ])
  })

  it('warns of a certificate whose end is near, and of a name that leads elsewhere', () => {
    const ending = { get: () => ({ id: uid(1), names: ['a.b'], problem: null, warning: 'expires today' }) }
    expect(done(ingress({ defaultBackend: backend('web'), tls: [{ secretName: 'web-tls' }] }, {}, ending)).warnings).toEqual([{ path: 'spec.tls[0].secretName', message: 'the certificate in Secret "web-tls" expires today' }])
    const elsewhere = compileIngress({ name: 'front', spec: ingressSpec.parse({ defaultBackend: backend('db') }), annotations: {}, services: new Map([['db', serviceSpec.parse({ type: 'ExternalName', externalName: 'db.example.com', ports: [{ port: 80 }] })]]), certificates: known })
    expect(done(elsewhere).warnings).toEqual([{ path: 'spec.defaultBackend.service.name', message: expect.stringContaining('is of type ExternalName') as string }])
  })

  it('leads a host without paths to the default backend, before the rules of a wildcard', () => {
    const { model } = done(ingress({ defaultBackend: backend('web'), rules: [{ host: '*.example.com', http: { paths: [path('/', 'api')] } }, { host: 'www.example.com' }] }))
    expect(model.listeners[0]?.rules.map(({ host, backend: to }) => `${host} ${to}`)).toEqual(['www.example.com web_http', '*.example.com api_80'])
  })

  it.each([
    [{ rules: [{ host: 'a.b', http: { paths: [path('/x', 'web')] } }, { host: 'a.b', http: { paths: [path('/x/', 'api')] } }] }, {}, { path: 'spec.rules[1].http.paths[0].path', message: 'collides with spec.rules[0].http.paths[0].path: the same host, path and type' }],
    [{ defaultBackend: backend('web'), rules: [{ host: 'a.b' }, { host: 'a.b', http: { paths: [path('/', 'api')] } }] }, {}, { path: 'spec.rules[1].http.paths[0].path', message: 'collides with spec.rules[0].host: the same host, path and type' }],
    [{ defaultBackend: backend('web') }, { 'redirect-to-https': 'true' }, at('redirect-to-https', 'needs spec.tls')],
    [{ defaultBackend: backend('web') }, { hosts: 'a.b' }, at('hosts', 'is for Services alone')],
    [{ defaultBackend: backend('web') }, { algoritm: 'source' }, at('algoritm', 'balancer.hypernetes.io/algorithm is')],
  ])('is refused where two rules collide, or an annotation is wrong: %j', (spec, annotations, problem) => {
    expect(problemsOf(ingress(spec, annotations))).toEqual([problem])
  })

  it.each(['/a\nb', '/a b', '/a"b', '/%2e%2e', '/é', 'a', '/a\0', '/a/../b', '//', '/a/./b', '/a{b}', `/${'a'.repeat(600)}`])('takes no path as %j', (value) => {
    expect(ingressSpec.safeParse({ rules: [{ http: { paths: [path(value, 'web')] } }] }).success).toBe(false)
  })
  it.each(['A.example.com', 'a_b', 'a b', 'a\n', '*', '*.*.a', 'a.*.b', 'a:80', '192.0.2.1 ', 'é.example.com', `${'a.'.repeat(150)}a`])('takes no host as %j', (host) => {
    expect(ingressSpec.safeParse({ rules: [{ host, http: { paths: [path('/', 'web')] } }] }).success).toBe(false)
  })

  it('is refused where it is more than one balancer can do', () => {
    const rules = (hosts: number, paths: number, to: (n: number) => string) => Array.from({ length: hosts }, (_, i) => ({ host: `h${i}.example.com`, http: { paths: Array.from({ length: paths }, (__, j) => path(`/p${j}`, to(i * paths + j))) } }))
    expect(problemsOf(ingress({ rules: rules(6, 200, () => 'web') }))[0]).toEqual({ path: 'spec', message: expect.stringContaining('asks for more than a balancer can do') as string })
    expect(problemsOf(ingress({ rules: rules(3, 100, (n) => `s${n}`) }))[0]).toEqual({ path: 'spec', message: expect.stringContaining('model.backends') as string })
    const long = Array.from({ length: 3 }, (_, i) => ({ host: `h${i}.example.com`, http: { paths: Array.from({ length: 200 }, (__, j) => path(`/${String(j).padStart(500, 'x')}`, 'web')) } }))
    expect(problemsOf(ingress({ rules: long }))).toEqual([{ path: 'spec', message: expect.stringContaining('more than 256') as string }])
    expect(done(ingress({ rules: rules(1, 1, () => 'a'.repeat(63)) }, {}, anyCertificate)).model.backends[0]?.name.length).toBeLessThanOrEqual(64)
    expect(done(ingress({ rules: [{ http: { paths: [path('/', 'a'.repeat(63), 'Prefix', 'metrics')] } }] })).model.backends[0]?.name).toMatch(/^a{48}-[0-9a-f]{8}$/)
  })
})
