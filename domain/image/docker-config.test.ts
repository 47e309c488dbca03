import { describe, expect, it } from 'vitest'
import { credentialsFor, readPullSecret, type RegistryCredential } from './docker-config'
import { parseReference } from './reference'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const secret = (content: unknown, type = 'kubernetes.io/dockerconfigjson', key = '.dockerconfigjson') =>
  readPullSecret({ kind: 'Secret', name: 'pull', type, data: { [key]: base64(typeof content === 'string' ? content : JSON.stringify(content)) } })
const credentials = (auths: Record<string, unknown>): RegistryCredential[] => {
  const read = secret({ auths })
  if (!read.ok) throw new Error(read.message)
  return read.credentials
}
const users = (auths: Record<string, unknown>, image: string) => {
  const parsed = parseReference(image)
  return parsed.ok ? credentialsFor(credentials(auths), parsed.value).map(({ username }) => username) : []
}
const login = (username: string) => ({ username, password: 'p' })

describe('readPullSecret', () => {
  it('reads auth, user and password, and the old format', () => {
    const expected = { ok: true, credentials: [{ host: 'r.example:5000', path: '', username: 'ann', password: 'a:b', secret: 'pull' }] }
    expect(secret({ auths: { 'r.example:5000': { auth: base64('ann:a:b') } } })).toEqual(expected)
    expect(secret({ auths: { 'https://R.example:5000/v2/': { username: 'ann', password: 'a:b', email: 'x' } } })).toEqual(expected)
    expect(secret({ 'r.example:5000': { auth: base64('ann:a:b') } }, 'kubernetes.io/dockercfg', '.dockercfg')).toEqual(expected)
    expect(secret({ auths: { 'r.example': {} }, credsStore: 'desktop' })).toEqual({ ok: true, credentials: [] })
    expect(secret({})).toEqual({ ok: true, credentials: [] })
  })

  it.each<[string, () => ReturnType<typeof secret>, RegExp]>([
    ['another type', () => secret({}, 'Opaque'), /its type is "Opaque"/],
    ['a missing key', () => secret({}, 'kubernetes.io/dockerconfigjson', 'other'), /no key "\.dockerconfigjson"/],
    ['no JSON', () => secret('{"auths": canary'), /not the JSON/],
    ['other JSON', () => secret({ auths: { 'r.example': 'canary' } }), /not the JSON/],
    ['an auth without a colon', () => secret({ auths: { 'r.example': { auth: base64('canary') } } }), /user:password/],
    ['an auth that is no base64', () => secret({ auths: { 'r.example': { auth: '%canary%' } } }), /user:password/],
    ['a bad registry', () => secret({ auths: { 'can ary': login('a') } }), /no host/],
    ['too many', () => secret({ auths: Object.fromEntries(Array.from({ length: 501 }, (_, i) => [`r${i}.example`, login('canary')])) }), /at most 500/],
    ['too much', () => secret(' '.repeat(2 << 20)), /1 MiB/],
  ])('refuses %s, names the Secret and tells nothing of its content', (_, read, message) => {
    const result = read()
    expect(result).toMatchObject({ ok: false, message: expect.stringMatching(message) })
    expect(JSON.stringify(result)).toMatch(/Secret \\"pull\\" .*\.$|Secret \\"pull\\".*Make it anew/)
    expect(JSON.stringify(result)).not.toContain('canary')
  })
})

describe('credentialsFor', () => {
  it.each<[string, Record<string, unknown>, string, string[]]>([
    ['the registry', { 'r.example': login('a'), 'other.example': login('b') }, 'r.example/x/y:1', ['a']],
    ['the port too', { 'r.example:5000': login('a'), 'r.example': login('b') }, 'r.example:5000/x', ['a']],
    ['the longest path first', { 'r.example': login('all'), 'r.example/team': login('team'), 'r.example/team/app': login('app'), 'r.example/other': login('other') }, 'r.example/team/app:1', ['app', 'team', 'all']],
    ['patterns by part', { '*.example.com': login('a'), '*.*.com': login('b'), '*.com': login('c'), 'r*y.example.com': login('d') }, 'registry.example.com/x', ['a', 'd', 'b']],
    ['patterns with the port', { '*.example.com:5000': login('a'), '*.example.com': login('b') }, 'r.example.com:5000/x', ['a']],
    ['Docker’s own name', { 'https://index.docker.io/v1/': login('hub') }, 'nginx', ['hub']],
    ['Docker’s other names', { 'docker.io': login('a'), 'registry-1.docker.io/team': login('b') }, 'team/x', ['b', 'a']],
    ['nothing else', { 'r.example': login('a') }, 'evil-r.example/x', []],
  ])('fits %s', (_, auths, image, expected) => expect(users(auths, image)).toEqual(expected))
})
