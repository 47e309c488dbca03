import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { credentialsFor, readPullSecret } from '@/domain/image/docker-config'
import { formatReference, parseReference } from '@/domain/image/reference'
import { fuzzRuns, fuzzTimeout } from '@/tools/testing/fuzz-runs'
import { threadTimeMs } from '@/tools/testing/thread-time'
import { ImageError } from '../image-error'
import { classify, directDial } from './classify'
import { addressKind, hostOf } from './forbidden'
import { chooseForHost, hostArchitecture, readConfig, readIndex, readManifest } from './manifest'

/** What is made of bytes: a value, or an ImageError; anything else is thrown on. More of a processor's time than any of it takes is a fault. */
function attempt<T>(make: () => T): T | ImageError {
  const began = threadTimeMs()
  try {
    return make()
  } catch (error) {
    if (!(error instanceof ImageError)) throw error
    expect(error.message.length).toBeLessThan(1500)
    expect(error.message).not.toMatch(/[\0-\x08\x0b-\x1f\x7f]/)
    return error
  } finally {
    expect(threadTimeMs() - began).toBeLessThan(6_000)
  }
}

const digest = fc.stringMatching(/^sha256:[0-9a-f]{64}$/)
const strange = fc.oneof(fc.constantFrom(null, -1, 1e300, '', 0, [], {}, true, '\0', '\u202e'), fc.string({ unit: 'binary', maxLength: 40 }), fc.jsonValue({ maxDepth: 2 }))
/** Mostly what a builder writes, with a strange value here and there. */
const or = <T>(usual: fc.Arbitrary<T>): fc.Arbitrary<unknown> => fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: strange })
const descriptor = fc.record({ mediaType: or(fc.constantFrom('application/vnd.oci.image.manifest.v1+json', 'application/vnd.oci.image.index.v1+json', 'x')), digest: or(digest), size: or(fc.nat()) }, { requiredKeys: ['digest'] })
const platform = fc.record({ os: or(fc.constantFrom('linux', 'windows', 'unknown')), architecture: or(fc.constantFrom(hostArchitecture, 'arm64')), variant: or(fc.constantFrom('v8', 'v1', 'v999999999')) }, { requiredKeys: [] })
const index = fc.record({ schemaVersion: or(fc.constant(2)), manifests: or(fc.array(fc.tuple(descriptor, or(platform)).map(([one, of]) => ({ ...one, platform: of })), { maxLength: 4 })) })
const manifest = fc.record({ schemaVersion: or(fc.constant(2)), config: or(descriptor), layers: or(fc.array(or(descriptor), { maxLength: 4 })) }, { requiredKeys: ['config'] })
const text = (max: number) => fc.string({ unit: 'binary', maxLength: max })
const config = fc.record({
  os: or(fc.constant('linux')), architecture: or(fc.constant(hostArchitecture)), rootfs: or(fc.record({ diff_ids: or(fc.array(digest, { maxLength: 3 })) })),
  config: or(fc.record({ Entrypoint: or(fc.array(or(text(5)))), Env: or(fc.array(text(9))), ExposedPorts: or(fc.dictionary(text(9), fc.constant({}))), User: or(text(9)), StopSignal: or(text(9)) }, { requiredKeys: [] })),
}, { requiredKeys: ['rootfs'] })

describe('any bytes of a registry', () => {
  it.each<[string, fc.Arbitrary<unknown>, (json: string) => unknown]>([
    ['an index', index, (json) => readManifest(json)],
    ['an index of an archive', index, (json) => chooseForHost(readIndex(json), 'follow')],
    ['a manifest', manifest, (json) => readManifest(json)],
    ['a configuration', config, (json) => readConfig(json)],
  ])('as %s are read or refused as an ImageError', (_, arbitrary, read) => {
    let accepted = 0
    const take = (json: string) => {
      if (!(attempt(() => read(json)) instanceof ImageError)) accepted += 1
    }
    fc.assert(fc.property(arbitrary, (value) => take(JSON.stringify(value))), { numRuns: fuzzRuns(200) })
    fc.assert(fc.property(arbitrary, fc.nat(), fc.nat(255), (value, at, byte) => {
      const bytes = Buffer.from(JSON.stringify(value))
      bytes[at % bytes.length] = byte
      take(bytes.toString())
    }), { numRuns: fuzzRuns(100) })
    expect(accepted).toBeGreaterThan(0)
  }, fuzzTimeout(20_000))

  it('that are as many and as deep as a manifest may be cost little', () => {
    const many = JSON.stringify({ schemaVersion: 2, manifests: Array.from({ length: 400_000 }, () => ({})) })
    const layers = JSON.stringify({ schemaVersion: 2, config: {}, layers: Array.from({ length: 400_000 }, () => 1) })
    const deep = `{"manifests":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`
    const names = JSON.stringify({ manifests: [], ...Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`__proto__${i}`, 1])) })
    const wrong = JSON.stringify({ rootfs: { diff_ids: [] }, config: { Env: Array.from({ length: 1_000_000 }, () => 1) } })
    const justAllowed = JSON.stringify({ schemaVersion: 2, rootfs: { diff_ids: Array.from({ length: 90_000 }, () => 1) }, manifests: 1 })
    for (const one of [many, layers, deep, '['.repeat(4_000_000), names, wrong, justAllowed]) for (const read of [readManifest, readConfig]) expect(attempt(() => read(one))).toBeInstanceOf(ImageError)
  }, 60_000)
})

describe('any text of a tenant', () => {
  const name = fc.oneof(text(60), fc.stringMatching(/^[a-z0-9.:/@_-]{1,80}$/), fc.tuple(fc.constantFrom('localhost', '[::1]', 'a.b', '127.0.0.1:80', 'A'), fc.stringMatching(/^[a-z0-9/._-]{0,20}$/), fc.constantFrom('', ':1', '@sha256:0')).map(([host, path, tag]) => `${host}/${path}${tag}`))
  it('as a reference is refused with a reason, or one that means the same when it is read again', () => {
    fc.assert(fc.property(name, (written) => {
      const parsed = parseReference(written)
      if (!parsed.ok) return void expect(parsed.message).not.toBe('')
      // It becomes an argument of a command: no blanks, no options, one line.
      expect(formatReference(parsed.value)).toMatch(/^[A-Za-z0-9[][^\s\0-\x1f]*$/)
      expect(parseReference(formatReference(parsed.value))).toEqual(parsed)
    }), { numRuns: fuzzRuns(1000) })
    for (const long of ['a', '-', 'a-', 'a/', 'a.', ':', '@', '_', '[:']) {
      const began = threadTimeMs()
      parseReference(`a${long.repeat(100_000)}!`)
      expect(threadTimeMs() - began).toBeLessThan(2_000)
    }
  }, fuzzTimeout(20_000))

  it('as the logins of a pull Secret is refused or read, and costs little', () => {
    const secret = (data: string) => ({ kind: 'Secret' as const, name: 's', type: 'kubernetes.io/dockerconfigjson', immutable: false, data: { '.dockerconfigjson': data } })
    const login = fc.record({ auth: or(fc.oneof(text(30), text(30).map((one) => Buffer.from(one).toString('base64')))), username: or(text(9)), password: or(text(9)) }, { requiredKeys: [] })
    fc.assert(fc.property(or(fc.record({ auths: or(fc.dictionary(fc.oneof(text(20), fc.constantFrom('https://a.b/v1/', '*.example', 'docker.io', '__proto__')), or(login))) })), (value) => {
      const read = readPullSecret(secret(Buffer.from(JSON.stringify(value)).toString('base64')))
      if (read.ok) for (const one of read.credentials) credentialsFor([one], { registry: 'docker.io', repository: 'a/b', tag: null, digest: null })
    }), { numRuns: fuzzRuns(300) })
    const nuls = Buffer.concat([Buffer.alloc(90_000), Buffer.from('x')]).toString('base64')
    const began = threadTimeMs()
    readPullSecret(secret(Buffer.from(JSON.stringify({ auths: Object.fromEntries([1, 2, 3, 4, 5].map((i) => [`r${i}`, { auth: nuls }])) })).toString('base64')))
    expect(threadTimeMs() - began).toBeLessThan(4_000)
  }, fuzzTimeout(20_000))
})

describe('any words of the puller, and any address', () => {
  it('become an error of the tenant, whatever a registry makes skopeo say', () => {
    const asked = { image: 'r.example/a/b:1', registry: 'r.example', authenticated: true }
    const words = fc.array(fc.oneof(text(20), fc.constantFrom('dial tcp 127.0.0.1:80', 'unauthorized', '404', 'status code', 'x509', 'EOF', 'Bearer realm="http://127.0.0.1/"', 'no such host'))).map((parts) => parts.join(' '))
    fc.assert(fc.property(words, fc.boolean(), (stderr, timedOut) => {
      const error = classify(stderr, asked, timedOut)
      expect(error.message).not.toMatch(/realm|127\.0/)
      expect(directDial(stderr) === null || stderr.includes('dial tcp')).toBe(true)
    }), { numRuns: fuzzRuns(300) })
  })
  it('of this host is forbidden in whatever way it is written', () => {
    const hex = (octets: readonly number[]) => `${((octets[0] ?? 0) * 256 + (octets[1] ?? 0)).toString(16)}:${((octets[2] ?? 0) * 256 + (octets[3] ?? 0)).toString(16)}`
    const octet = fc.nat(255)
    const forbidden = fc.oneof(fc.tuple(fc.constantFrom(0, 127, 224, 240, 255), octet, octet, octet), fc.tuple(fc.constant(169), fc.constant(254), octet, octet), fc.tuple(fc.constant(100), fc.integer({ min: 64, max: 127 }), octet, octet))
    fc.assert(fc.property(forbidden, (octets) => {
      const dotted = octets.join('.')
      for (const one of [dotted, `::ffff:${dotted}`, `::ffff:${hex(octets)}`, `0:0:0:0:0:FFFF:${hex(octets)}`, `64:ff9b::${dotted}`, `64:ff9b::${hex(octets)}`, `::${dotted}`]) expect([one, addressKind(one)]).toEqual([one, 'forbidden'])
      expect(addressKind(hostOf(`[::ffff:${dotted}]:443`))).toBe('forbidden')
    }), { numRuns: fuzzRuns(200) })
    expect(['8.8.8.8', '64:ff9b::808:808', '2606:4700::1', '10.0.0.1', '::ffff:192.168.1.1', 'fd00::9'].map(addressKind)).toEqual(['public', 'public', 'public', 'private', 'private', 'private'])
  })
})
