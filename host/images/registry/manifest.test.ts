import { describe, expect, it } from 'vitest'
import { ImageError } from '../image-error'
import { classify } from './classify'
import { readConfig, readManifest } from './manifest'

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`
const codeOf = (make: () => unknown): string => {
  try {
    make()
  } catch (error) {
    if (error instanceof ImageError) return error.code
    throw error
  }
  return 'accepted'
}

describe('manifests', () => {
  it('of an index choose this host’s platform', () => {
    const entry = (d: string, platform?: object) => ({ digest: digest(d), size: 1, mediaType: 'm', platform })
    const index = [entry('1', { os: 'unknown', architecture: 'unknown' }), entry('2', { os: 'linux', architecture: 'arm64', variant: 'v8' }), entry('3', { os: 'linux', architecture: 'amd64' })]
    expect(readManifest(JSON.stringify({ schemaVersion: 2, manifests: index }))).toEqual({ choose: digest('3') })
    expect(readManifest(JSON.stringify({ schemaVersion: 2, manifests: [entry('4')] }))).toEqual({ choose: digest('4') })
    expect(codeOf(() => readManifest(JSON.stringify({ schemaVersion: 2, manifests: index.slice(0, 2) })))).toBe('unsupported-platform')
    expect(codeOf(() => readManifest(JSON.stringify({ schemaVersion: 2, manifests: [] })))).toBe('unsupported-platform')
  })
  it('have few values and little depth, whatever stands in their strings', () => {
    const config = (env: string, more: object = {}) => JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs: { diff_ids: [] }, config: { Env: [env] }, ...more })
    expect(codeOf(() => readConfig(config(`A=${',['.repeat(100_000)}\\"`)))).toBe(codeOf(() => readConfig(config('A=b'))))
    expect(codeOf(() => readConfig(config('A=b', { history: Array.from({ length: 100_001 }, () => 1) })))).toBe('malformed')
    expect(codeOf(() => readConfig(`{"x":${'['.repeat(101)}${']'.repeat(101)},${config('A=b').slice(1)}`))).toBe('malformed')
  })
  it('of an index choose the plainest variant, skip attestations, and follow no index in an index', () => {
    const entry = (d: string, more: object) => ({ digest: digest(d), size: 1, mediaType: 'application/vnd.oci.image.manifest.v1+json', ...more })
    const amd64 = (variant?: string) => ({ os: 'linux', architecture: 'amd64', variant })
    const read = (manifests: object[]) => readManifest(JSON.stringify({ schemaVersion: 2, manifests }))
    expect(read([entry('3', { platform: amd64('v3') }), entry('2', { platform: amd64('v2') }), entry('1', { platform: amd64() })])).toEqual({ choose: digest('1') })
    expect(read([entry('3', { platform: amd64('v3') }), entry('2', { platform: amd64('v2') })])).toEqual({ choose: digest('2') })
    expect(read([entry('5', { annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } }), entry('6', {})])).toEqual({ choose: digest('6') })
    expect(codeOf(() => read([entry('7', { mediaType: 'application/vnd.oci.image.index.v1+json', platform: amd64() })]))).toBe('malformed')
  })
  it.each([
    ['no JSON', '<html>', 'malformed'],
    ['the old schema 1', '{"schemaVersion":1,"fsLayers":[]}', 'unsupported-platform'],
    ['a size below 0', JSON.stringify({ schemaVersion: 2, config: { digest: digest('1'), size: -1 }, layers: [] }), 'malformed'],
    ['a digest that is a path', JSON.stringify({ schemaVersion: 2, config: { digest: 'sha256:../../etc/passwd', size: 1 }, layers: [] }), 'malformed'],
    ['a list for an object', '[]', 'malformed'],
  ])('that are %s are refused', (_, text, code) => expect(codeOf(() => readManifest(text))).toBe(code))
})

describe('configurations', () => {
  const rootfs = { type: 'layers', diff_ids: [] }
  it('may leave everything out, or say null', () => {
    const nothing = { entrypoint: [], cmd: [], env: [], workingDir: '', user: '', exposedPorts: [] }
    expect(readConfig(JSON.stringify({ rootfs })).config).toEqual(nothing)
    expect(readConfig(JSON.stringify({ rootfs, config: { Entrypoint: null, Cmd: null, Env: null, ExposedPorts: null, User: null } })).config).toEqual(nothing)
  })
  it('of another platform, or of another shape, are refused', () => {
    expect(codeOf(() => readConfig(JSON.stringify({ rootfs, os: 'windows', architecture: 'amd64' })))).toBe('unsupported-platform')
    // What the image says is quoted, printable and short.
    const loud = { rootfs, os: `\0\ud800\u001b[31m${'x'.repeat(5000)}`, architecture: 'am d64' }
    expect(() => readConfig(JSON.stringify(loud))).toThrow(/ \?\?\?\[31mx{25}\/am\?d64, /)
    const index = { schemaVersion: 2, manifests: [{ digest: digest('1'), size: 1, platform: loud }] }
    expect(() => readManifest(JSON.stringify(index))).toThrow(/ \?\?\?\[31mx{25}\/am\?d64, /)
    expect(codeOf(() => readConfig(JSON.stringify({ rootfs, config: { Cmd: 'sh' } })))).toBe('malformed')
    expect(codeOf(() => readConfig('{}'))).toBe('malformed')
  })
})

describe('what skopeo prints', () => {
  const asked = { image: 'hub.example/denied/x509:500', registry: 'hub.example', authenticated: false }
  const fatal = (text: string) => `time="2026-01-01T00:00:00Z" level=fatal msg="Error parsing image name \\"docker://${asked.image}\\": ${text}"`
  it.each([
    ['reading manifest 500 in hub.example/denied/x509: manifest unknown: manifest unknown', 'not-found', 'does not have'],
    ['reading manifest 500 in hub.example/denied/x509: errors:\ndenied: requested access to the resource is denied\nunauthorized: authentication required', 'refused', 'private, or does not exist'],
    ['unable to retrieve auth token: invalid username/password: unauthorized: incorrect username or password', 'refused', 'private'],
    ['toomanyrequests: You have reached your pull rate limit.', 'unreachable', 'limited'],
    ['pinging container registry hub.example: Get \\"https://hub.example/v2/\\": x509: certificate signed by unknown authority', 'unreachable', 'trust'],
    ['pinging container registry hub.example: Get \\"https://hub.example/v2/\\": dial tcp: i/o timeout', 'unreachable', 'in time'],
    ['received unexpected HTTP status: 502 Bad Gateway', 'unreachable', 'fault'],
    ['writing blob: write /x/y: no space left on device', 'disk-full', 'disk space'],
    ['something never seen before', 'unreachable', 'could not be used'],
  ])('%s', (text, code, message) => {
    const error = classify(fatal(text), asked, false)
    expect([error.code, error.message]).toEqual([code, expect.stringContaining(message)])
    expect(error.detail).toContain(text.slice(-20))
  })
  it('advises only what can be done: the credentials where some were given, a pull Secret where none were', () => {
    const refused = (authenticated: boolean) => classify(fatal('unauthorized: authentication required'), { ...asked, authenticated }, false).action
    expect(refused(false)).toContain("a Secret of type kubernetes.io/dockerconfigjson with an account of this registry in the pod's imagePullSecrets.")
    expect(refused(true)).toContain("user and password in the pod's pull Secrets")
  })
})
