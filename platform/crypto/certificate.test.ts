import { createPrivateKey, X509Certificate } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { beforeAll, describe, expect, it } from 'vitest'
import { threadTimeMs } from '@/tools/testing/thread-time'
import { certificateBundle, readCertificate } from './certificate'
import { makeCertificate, type TestCertificate } from './testing/certificates'

let root: TestCertificate
let middle: TestCertificate
let leaf: TestCertificate
beforeAll(() => {
  root = makeCertificate({ subject: 'Root', names: [], ca: true })
  middle = makeCertificate({ subject: 'Middle', names: [], ca: true, issuer: root })
  leaf = makeCertificate({ names: ['www.example.com', '*.Shop.example.com', '192.0.2.7', '2001:db8::7'], issuer: middle, days: 90 })
})
const problem = (chain: string, key: string) => {
  const read = readCertificate(chain, key)
  return 'problem' in read ? `${read.problem.of}: ${read.problem.message}` : 'none'
}
const certificate = (chain: string, key: string) => {
  const read = readCertificate(chain, key)
  if ('problem' in read) throw new Error(read.problem.message)
  return read.certificate
}

describe('a certificate', () => {
  it('is read with its chain: whom it is for, by whom, until when', () => {
    const found = certificate(leaf.certificate + middle.certificate + root.certificate, leaf.key)
    expect(found).toMatchObject({ subject: 'www.example.com', issuer: 'Middle', names: ['www.example.com', '*.shop.example.com', '192.0.2.7', '2001:db8:0:0:0:0:0:7'], key: 'EC P-256' })
    expect(Date.parse(found.notAfter) - Date.now()).toBeGreaterThan(88 * 86_400_000)
    expect(found.fingerprint).toMatch(/^[0-9a-f]{64}$/)
    expect(certificate(leaf.certificate, leaf.key).fingerprint).toBe(found.fingerprint)
    const rsa = makeCertificate({ newkey: ['rsa:2048'] })
    expect(certificate(`Bag Attributes\n    friendlyName: mine\r\n${rsa.certificate.replaceAll('\n', '\r\n')}`, rsa.key)).toMatchObject({ key: 'RSA 2048', issuer: 'www.example.com' })
    expect(certificate(rsa.certificate, execFileSync('openssl', ['rsa', '-traditional'], { input: rsa.key, stdio: 'pipe' }).toString()).key).toBe('RSA 2048')
    expect(certificate(leaf.certificate, execFileSync('openssl', ['ec'], { input: leaf.key, stdio: 'pipe' }).toString()).key).toBe('EC P-256')
  })

  it('is refused with what is wrong, and never with what it is', () => {
    const other = makeCertificate()
    expect(problem(leaf.certificate, other.key)).toBe('key: does not belong to the first certificate of tls.crt: give the key that it was made for')
    expect(problem(middle.certificate + leaf.certificate, leaf.key)).toContain('certificate: must begin with the certificate of tls.key, which is its entry 2')
    expect(problem(leaf.certificate + root.certificate, leaf.key)).toContain('its entry 1 was not issued by its entry 2')
    expect(problem(leaf.certificate + middle.certificate + leaf.certificate, leaf.key)).toContain('its entry 2 was not issued by its entry 3')
    expect(problem('', leaf.key)).toContain('certificate: must be a certificate in PEM')
    expect(problem(leaf.key, leaf.key)).toContain('certificate: holds a private key')
    expect(problem(leaf.certificate + leaf.key, leaf.key)).toContain('certificate: holds a private key')
    expect(problem('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', leaf.key)).toContain('its entry 1 is no certificate that can be read')
    expect(problem(leaf.certificate, leaf.certificate)).toContain('key: must be a private key in PEM')
    expect(problem(leaf.certificate, '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n')).toContain('key: is no private key that can be read')
    expect(problem(leaf.certificate.repeat(9), leaf.key)).toContain('a chain of at most 8')
    expect(problem(leaf.certificate.padEnd(70_000), leaf.key)).toContain('at most 64 KiB')
    expect(problem(leaf.certificate, leaf.key.padEnd(20_000))).toBe('key: must be at most 16 KiB')
    const encrypted = String(createPrivateKey(leaf.key).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }))
    expect(problem(leaf.certificate, encrypted)).toContain('key: is encrypted by a passphrase')
    for (const newkey of [['ed25519'], ['rsa:1024'], ['ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1']]) {
      const weak = makeCertificate({ newkey })
      expect(problem(weak.certificate, weak.key)).toMatch(/^certificate: has (a|an RSA) key/)
    }
    const old = makeCertificate({ digest: 'sha1', issuer: root })
    expect(problem(old.certificate, old.key)).toContain('signed by way of SHA-1 or MD5')
  })

  it('costs no time where its key is of a kind that takes long to read', () => {
    // PKCS #8 of DSA with numbers of 16,000 bits, whose public key OpenSSL would reckon.
    const length = (n: number) => (n < 128 ? [n] : n < 256 ? [0x81, n] : [0x82, n >> 8, n & 255])
    const tlv = (tag: number, ...parts: Buffer[]) => { const body = Buffer.concat(parts); return Buffer.concat([Buffer.from([tag, ...length(body.length)]), body]) }
    const large = tlv(2, Buffer.from([0x7f]), Buffer.alloc(2000, 0xff))
    const der = tlv(0x30, tlv(2, Buffer.from([0])), tlv(0x30, Buffer.from('06072a8648ce380401', 'hex'), tlv(0x30, large, large, large)), tlv(4, large))
    const pem = (label: string, bytes: Buffer) => `-----BEGIN ${label}-----\n${bytes.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END ${label}-----\n`
    const began = threadTimeMs()
    // And with what it is not where one might look for what it is.
    const disguised = tlv(0x30, tlv(2, Buffer.from([0])), tlv(0x30, Buffer.from('06072a8648ce380401', 'hex'), tlv(0x30, tlv(2, Buffer.from('06092a864886f70d010101', 'hex'), Buffer.alloc(2000, 0xff)), large, large)), tlv(4, large))
    const traditional = tlv(0x30, tlv(2, Buffer.from([0])), large, large, large, large, large)
    for (const bytes of [der, disguised, traditional]) for (const label of ['PRIVATE KEY', 'DSA PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY']) expect(problem(leaf.certificate, pem(label, bytes) + leaf.key)).toMatch(/^key: /)
    expect(threadTimeMs() - began).toBeLessThan(3000)
  })

  it('is read or refused whatever byte of it is another', () => {
    const der = new X509Certificate(leaf.certificate).raw
    const keyDer = createPrivateKey(leaf.key).export({ type: 'pkcs8', format: 'der' })
    const pem = (label: string, bytes: Buffer) => `-----BEGIN ${label}-----\n${bytes.toString('base64')}\n-----END ${label}-----\n`
    const flipped = (bytes: Buffer, at: number, bit: number) => { const copy = Buffer.from(bytes); copy[at] = copy[at]! ^ (1 << bit); return copy }
    for (let at = 0; at < der.length; at += 5) expect(() => readCertificate(pem('CERTIFICATE', flipped(der, at, at % 8)) + middle.certificate, leaf.key)).not.toThrow()
    for (let at = 0; at < keyDer.length; at += 3) expect(problem(leaf.certificate, pem('PRIVATE KEY', flipped(keyDer, at, at % 8)))).toBeTypeOf('string')
  })

  it('is named without what does not print, and for nobody without alternative names', () => {
    const odd = makeCertificate({ names: [], subject: 'e\u202evil\u0007' })
    const found = certificate(odd.certificate, odd.key)
    expect(found.names).toEqual([])
    expect(found.subject).not.toMatch(/\p{C}/u)
  })

  it('is written anew for a balancer, without anything between', () => {
    const injected = `\n\nshow env\n${leaf.certificate}\n\n; disable frontend x\n${middle.certificate}`
    const bundle = certificateBundle(injected, `\n\nset ssl cert\n${leaf.key}\n\nshow info\n`)
    expect(bundle).not.toMatch(/\n\n|show|disable|set ssl/)
    expect(bundle.match(/-----BEGIN [A-Z ]+-----/g)).toEqual(['-----BEGIN CERTIFICATE-----', '-----BEGIN CERTIFICATE-----', '-----BEGIN PRIVATE KEY-----'])
    expect(new X509Certificate(bundle).checkPrivateKey(createPrivateKey(bundle))).toBe(true)
    expect(() => certificateBundle('x', leaf.key)).toThrow('must be a certificate in PEM')
  })
})
