import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { balancerModel, defaultOptions, type BalancerModel, type BalancerServer } from '@/domain/load-balancer/model'
import { configurationFiles, servedListeners } from './configuration'
import { backendOf, placeOfName, serverName } from './servers'
import { httpBackend, listener, rule, tcpBackend } from './testing/models'

const certificate = '00000000-0000-4000-8000-000000000001'
const other = '00000000-0000-4000-8000-000000000002'
const servers = new Map<string, BalancerServer[]>([['web', [{ address: '10.0.0.5', port: 8080, weight: 1 }, { address: 'fd00::5', port: 8080, weight: 0 }]]])
const shapes: Record<string, BalancerModel> = {
  tcp: { listeners: [listener({ port: 5432, protocol: 'tcp', defaultBackend: 'web' })], backends: [tcpBackend('web')], options: defaultOptions },
  'tcp-limits-and-proxy': { listeners: [listener({ port: 25, protocol: 'tcp', defaultBackend: 'web', acceptProxy: true })], backends: [{ ...tcpBackend('web'), sendProxy: true, algorithm: 'source' }], options: { ...defaultOptions, ratePerSecond: 5, allow: ['192.0.2.0/24', '2001:db8::/32'], logOneOf: null } },
  http: { listeners: [listener({ port: 80, defaultBackend: 'web' })], backends: [httpBackend('web')], options: defaultOptions },
  'https-redirect-sticky': { listeners: [listener({ port: 80, redirectToHttps: 443 }), listener({ port: 443, protocol: 'https', certificates: [certificate, other], defaultBackend: 'web' })], backends: [{ ...httpBackend('web'), stickyCookie: 'SRV', algorithm: 'leastconn' }], options: { ...defaultOptions, logOneOf: 100 } },
  'http-limits': { listeners: [listener({ port: 80, defaultBackend: 'web', acceptProxy: true })], backends: [{ ...httpBackend('web'), sendProxy: true, protocol: 'h2c' }], options: { ...defaultOptions, ratePerSecond: 100, allow: ['10.0.0.0/8'], maxBodyBytes: 1 << 20 } },
  rules: { listeners: [listener({ port: 8080, rules: [rule('any-path', null, 'Prefix', '/api'), rule('exact', 'a.example', 'Exact', '/x'), rule('below', '*.example', 'Prefix', '/'), rule('host', 'a.example', null), rule('long', 'a.example', 'Prefix', "/x/it's/$HOME;&(a)/")] })], backends: [httpBackend('web')], options: defaultOptions },
}

describe('the configuration of HAProxy', () => {
  const folder = mkdtempSync(join(tmpdir(), 'haproxy-golden-'))
  for (const [name, model] of Object.entries(shapes)) {
    it(`of ${name} is as written down`, async () => {
      const files = configurationFiles({ model: balancerModel.parse(model), servers, certificates: new Set([certificate, other]), stickyKey: 'c0ffee', room: 100_000 })
      const text = [...files].filter(([, content]) => content !== '').map(([file, content]) => `### ${file}\n${content}`).join('\n')
      await expect(text).toMatchFileSnapshot(`golden/${name}.txt`)
    })
  }

  it('is one that HAProxy takes, for every shape', () => {
    const pem = join(folder, 'key.pem')
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1', '-subj', '/CN=a.example', '-keyout', `${pem}.key`, '-out', pem], { stdio: 'ignore' })
    const both = execFileSync('cat', [pem, `${pem}.key`], { encoding: 'utf8' })
    for (const [name, model] of Object.entries(shapes)) {
      const place = join(folder, name)
      mkdirSync(place)
      for (const id of [certificate, other]) writeFileSync(join(place, `certificate-${id}.pem`), both)
      for (const [file, content] of configurationFiles({ model, servers, certificates: new Set([certificate, other]), stickyKey: 'c0ffee', room: 100_000 })) writeFileSync(join(place, file), content.replaceAll('/balancer/', `${place}/`))
      expect(() => execFileSync('haproxy', ['-c', '-q', '-f', join(place, 'haproxy.cfg')], { stdio: 'pipe' }), name).not.toThrow()
    }
    expect(readdirSync(folder)).not.toEqual([])
    rmSync(folder, { recursive: true })
  })

  it('leaves out what is not HAProxy\'s, and what has no certificate yet', () => {
    const model: BalancerModel = { listeners: [listener({ port: 53, protocol: 'udp', defaultBackend: 'web' }), listener({ port: 443, protocol: 'https', certificates: [certificate], defaultBackend: 'web' }), listener({ port: 80, defaultBackend: 'web' })], backends: [httpBackend('web')], options: defaultOptions }
    expect(servedListeners(model, new Set()).map(({ port }) => port)).toEqual([80])
    expect(servedListeners(model, new Set([certificate])).map(({ port }) => port)).toEqual([443, 80])
  })

  it('names a server by its place, and finds the place by its name', () => {
    expect(placeOfName(serverName({ address: '10.0.0.5', port: 80 }))).toBe('10.0.0.5:80')
    expect(placeOfName(serverName({ address: 'FD00::5', port: 80 }))).toBe('[fd00::5]:80')
    expect(placeOfName('<NOSRV>')).toBe(null)
    expect(backendOf('b-web')).toBe('web')
    expect(backendOf('figures')).toBe(null)
  })
})
