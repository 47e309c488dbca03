import { describe, expect, it } from 'vitest'
import { nearest } from '../shared/nearest'
import { podBalancerProblems } from './annotations'
import { certificateFits } from './certificates'
import type { BalancerListener, BalancerRule } from './model'
import { orderRules, partNameOf } from './rules'
import { serverViews } from './servers'
import { balancerUrls } from './urls'

const listener = (change: Partial<BalancerListener>): BalancerListener => ({ port: 80, protocol: 'http', certificates: [], rules: [], defaultBackend: null, redirectToHttps: null, acceptProxy: false, ...change })
const rule = (host: string | null, value?: string): BalancerRule => ({ id: 'r', host, path: value === undefined ? null : { type: 'Prefix', value }, backend: 'b' })
const urls = (...listeners: Partial<BalancerListener>[]) => balancerUrls({ listeners: listeners.map(listener) }, ['198.18.100.2', '2001:db8::2'])

describe('the URLs of a balancer', () => {
  it('are those of its hosts, and of its addresses where any host is taken', () => {
    expect(urls({ defaultBackend: 'b' })).toEqual(['http://198.18.100.2/', 'http://[2001:db8::2]/'])
    expect(urls({ rules: [rule('a.example.com'), rule('*.example.com')] }, { port: 8443, protocol: 'https', rules: [rule('a.example.com', '/api'), rule(null, '/x')] })).toEqual(['http://a.example.com/', 'https://a.example.com:8443/api', 'https://198.18.100.2:8443/x', 'https://[2001:db8::2]:8443/x'])
    expect(urls({ redirectToHttps: 443, defaultBackend: 'b' }, { port: 443, protocol: 'https', defaultBackend: 'b' })).toEqual(['https://198.18.100.2/', 'https://[2001:db8::2]/'])
    expect(urls({ protocol: 'tcp', defaultBackend: 'b' }, { port: 53, protocol: 'udp', defaultBackend: 'b' })).toEqual([])
    expect(balancerUrls({ listeners: [listener({ defaultBackend: 'b' })] }, [])).toEqual([])
    expect(balancerUrls({ listeners: [listener({ rules: Array.from({ length: 200 }, (_, i) => rule(`h${i}.example.com`)) })] }, ['198.18.100.2'])).toHaveLength(50)
  })
})

describe('who is behind a backend', () => {
  const service = { ports: [{ name: 'http', protocol: 'TCP' as const, port: 80 }, { name: 'dns', protocol: 'UDP' as const, port: 53 }], subsets: [{ addresses: [{ ip: '10.0.0.2' }, { ip: 'fd00::2', targetRef: { kind: 'Pod', name: 'p', uid: 'u' } }], notReadyAddresses: [{ ip: '10.0.0.2' }, { ip: '10.0.0.9' }], ports: [{ name: 'http', protocol: 'TCP' as const, port: 8080 }, { name: 'dns', protocol: 'UDP' as const, port: 5353 }] }] }
  it('is told once, by the name of the port or its number, as its host sees it', () => {
    const seen = serverViews({ backend: 'tcp-80', port: 'http' }, service, new Map([['u', 7]]), { down: ['tcp-80/fd00::2:8080'] })
    expect(seen.map(({ address, port, weight, health }) => `${address} ${port} ${weight} ${health}`)).toEqual(['10.0.0.2 8080 1 up', 'fd00::2 8080 7 down', '10.0.0.9 8080 1 down'])
    expect(serverViews({ backend: 'x', port: 53 }, service, new Map(), null).map(({ port, health }) => `${port} ${health}`)).toEqual(['5353 unknown', '5353 unknown', '5353 down'])
    expect(serverViews({ backend: 'x', port: 81 }, service, new Map(), null)).toEqual([])
    expect(serverViews({ backend: 'x', port: 80 }, undefined, new Map(), null)).toEqual([])
  })
})

it('a pod asks for its weight, and for nothing else', () => {
  const asked = (short: string, value: string) => podBalancerProblems({ [`balancer.hypernetes.io/${short}`]: value }).map(({ message }) => message)
  expect([asked('weight', '0'), asked('weight', '256'), podBalancerProblems({ 'example.com/x': 'y' })]).toEqual([[], [], []])
  for (const wrong of ['257', '-1', '1.5', '', '1\n', 'much']) expect(asked('weight', wrong)).toEqual(['must be a whole number from 0 to 256, as in "2"'])
  expect(asked('wieght', '1')).toEqual([expect.stringContaining('is not known of a pod: balancer.hypernetes.io/weight is')])
})

describe('names', () => {
  it('of parts are as they were, or shortened so that no two are one', () => {
    expect(partNameOf('web_80')).toBe('web_80')
    const [a, b] = [partNameOf(`${'a'.repeat(63)}_80`), partNameOf(`${'a'.repeat(63)}_81`)]
    expect(a).not.toBe(b)
    expect(a.length).toBeLessThanOrEqual(64)
  })
  it('of rules that look alike differ', () => {
    const { rules } = orderRules([{ host: 'a-b.c', path: null, backend: 'x', at: '' }, { host: 'a.b.c', path: null, backend: 'x', at: '' }, { host: 'a.b', path: { type: 'Exact', value: '/c' }, backend: 'x', at: '' }, { host: 'a.b', path: { type: 'Prefix', value: '/c' }, backend: 'x', at: '' }])
    expect(new Set(rules.map(({ id }) => id)).size).toBe(4)
    expect(rules.map(({ host, path }) => `${host} ${path?.type ?? '*'}`)).toEqual(['a-b.c *', 'a.b Exact', 'a.b Prefix', 'a.b.c *'])
  })
  it('that were probably meant are found', () => {
    const known = ['protocol', 'certificates', 'rate-limit', 'allow']
    expect(['protokol', 'CERTIFICATE', 'ratelimit', 'alow', 'rate', 'zzz', 'x'.repeat(10_000)].map((name) => nearest(name, known))).toEqual(['protocol', 'certificates', 'rate-limit', 'allow', 'rate-limit', null, null])
  })
  it('of a certificate are for a host as RFC 6125 says', () => {
    expect(certificateFits(['www.example.com', '*.shop.example.com'], 'www.example.com')).toBe(true)
    expect(certificateFits(['*.shop.example.com'], 'a.shop.example.com')).toBe(true)
    expect(certificateFits(['*.shop.example.com'], '*.shop.example.com')).toBe(true)
    expect(certificateFits(['*.example.com'], 'a.shop.example.com')).toBe(false)
    expect(certificateFits(['*.example.com'], 'example.com')).toBe(false)
  })
})
