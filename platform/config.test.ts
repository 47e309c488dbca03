import { expect, it } from 'vitest'
import { loadConfig } from './config'

it('reads mirrors of registries in their order, and the room for images', () => {
  const config = loadConfig({ NODE_ENV: 'test', HYPERNETES_REGISTRY_MIRRORS: 'docker.io=mirror.example:5000/hub/, docker.io=127.0.0.1:1,[::1]:5000=m.example', HYPERNETES_IMAGE_CACHE_GIB: '0.5' })
  expect(config.registryMirrors).toEqual([{ registry: 'docker.io', host: 'mirror.example:5000', path: 'hub' }, { registry: 'docker.io', host: '127.0.0.1:1', path: '' }, { registry: '[::1]:5000', host: 'm.example', path: '' }])
  expect(config.imageCacheBytes).toBe(2 ** 29)
  expect(loadConfig({ NODE_ENV: 'test' })).toMatchObject({ registryMirrors: [], imageCacheBytes: 50 * 2 ** 30 })
})

it.each([['docker.io'], ['docker.io=https://mirror.example'], ['=mirror.example'], ['docker.io=m.example/Path with blanks']])('refuses the mirror "%s" by name', (text) => {
  expect(() => loadConfig({ NODE_ENV: 'test', HYPERNETES_REGISTRY_MIRRORS: text })).toThrow(/HYPERNETES_REGISTRY_MIRRORS: ".*" is not registry=mirror-host/)
})

it('takes nameservers for networks, and none that networks do not reach', () => {
  expect(loadConfig({ NODE_ENV: 'test', HYPERNETES_DNS_UPSTREAM: '192.0.2.1, 192.0.2.2' }).dnsUpstream).toEqual(['192.0.2.1', '192.0.2.2'])
  expect(loadConfig({ NODE_ENV: 'test' }).dnsUpstream).toEqual([])
  for (const [text, words] of [['127.0.0.53', 'loopback'], ['ns.example', 'no IPv4 address'], ['fd00::1', 'no IPv4 address'], ['192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4', 'at most three']] as const) expect(() => loadConfig({ NODE_ENV: 'test', HYPERNETES_DNS_UPSTREAM: text })).toThrow(new RegExp(`HYPERNETES_DNS_UPSTREAM: .*${words}`))
})

it('refuses a room for images that is none', () => {
  expect(() => loadConfig({ NODE_ENV: 'test', HYPERNETES_IMAGE_CACHE_GIB: '0' })).toThrow('HYPERNETES_IMAGE_CACHE_GIB')
})

it.each([
  ['http://127.0.0.1:3000', undefined, 'http://forward.localhost:3000'],
  ['http://localhost:3000', undefined, 'http://forward.localhost:3000'],
  ['http://localhost:3000', 'http://pods.localhost:3000', 'http://pods.localhost:3000'],
  ['https://console.example.com', undefined, null],
  ['https://console.example.com', 'https://forward.example.net', 'https://forward.example.net'],
])('shows pages of pods, with the console at %s and the domain %s, at %s', (PUBLIC_URL, HYPERNETES_FORWARD_URL, expected) => {
  expect(loadConfig({ NODE_ENV: 'test', PUBLIC_URL, HYPERNETES_FORWARD_URL }).forwardUrl).toBe(expected)
})

it.each([
  ['https://console.example.com', 'https://console.example.com', /must be another domain than PUBLIC_URL/],
  ['https://console.example.com', 'https://example.com', /must be another domain than PUBLIC_URL/],
  ['https://console.example.com', 'https://forward.console.example.com', /must not be below the host of PUBLIC_URL/],
  ['http://console.localhost:3000', 'http://forward.console.localhost:3000', /must not be below the host of PUBLIC_URL/],
])('refuses, with the console at %s, the domain %s, whose pages could reach its cookies', (PUBLIC_URL, HYPERNETES_FORWARD_URL, expected) => {
  expect(() => loadConfig({ NODE_ENV: 'test', PUBLIC_URL, HYPERNETES_FORWARD_URL })).toThrow(expected)
})

it('reads which registries of private networks may be used', () => {
  const read = (text?: string) => loadConfig({ NODE_ENV: 'test', ...(text === undefined ? {} : { HYPERNETES_PRIVATE_REGISTRIES: text }) }).privateRegistries
  expect([read(), read('all'), read('none'), read('10.0.0.5:5000, registry.lan')]).toEqual(['all', 'all', [], ['10.0.0.5:5000', 'registry.lan']])
})

it('reads whose X-Forwarded-For is believed, and refuses what is no address by name', () => {
  const read = (HYPERNETES_TRUSTED_PROXIES: string) => loadConfig({ NODE_ENV: 'test', HYPERNETES_TRUSTED_PROXIES }).trustedProxies
  const list = read('192.0.2.1, 10.0.0.0/8,2001:db8::/32')
  expect((['192.0.2.1', '10.9.9.9', '192.0.2.2', '11.0.0.1'] as const).map((address) => list.check(address))).toEqual([true, true, false, false])
  expect([list.check('2001:db8::5', 'ipv6'), list.check('::ffff:10.1.1.1', 'ipv6'), list.check('::1', 'ipv6'), read('').check('127.0.0.1')]).toEqual([true, true, false, false])
  for (const wrong of ['proxy.example', '10.0.0.0/33', '10.0.0.0/', '::1/129', '/8']) expect(() => read(wrong)).toThrow(`HYPERNETES_TRUSTED_PROXIES: "${wrong}" is no address`)
})

it('takes an empty setting for none', () => {
  expect(loadConfig({ NODE_ENV: 'test', SMTP_URL: '', PORT: '' })).toMatchObject({ smtpUrl: undefined, port: 3000 })
})
