import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { toPkcs8 } from './private-key'

/** What is public of a certificate. Times are RFC 3339; `fingerprint` is SHA-256 of the first certificate in hex. */
export type PublicCertificate = { subject: string; issuer: string; names: string[]; notBefore: string; notAfter: string; key: string; fingerprint: string }
/** What is wrong, with the certificate and its chain or with the key. No message holds any of either. */
export type CertificateProblem = { of: 'certificate' | 'key'; message: string }

const maxChainBytes = 64 << 10
const maxKeyBytes = 16 << 10
const maxChain = 8
const curves: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }
/** OpenSSL refuses signatures by these at Debian's security level: md5WithRSA, sha1WithRSA, ecdsa-with-SHA1, as DER writes them. */
const weakSignatures = ['06092a864886f70d010104', '06092a864886f70d010105', '06072a8648ce3d0401'].map((hex) => Buffer.from(hex, 'hex'))

const unreadableKey = 'is no private key that can be read: it must be one of RSA, or of EC with a named curve'
const notCarriedOut = 'has a key that is not carried out: use RSA of 2048 bits and more, or EC of P-256, P-384 or P-521'

class Refused extends Error {
  constructor(readonly problem: CertificateProblem) {
    super(problem.message)
  }
}
const refuse = (of: CertificateProblem['of'], message: string): never => {
  throw new Refused({ of, message })
}

/** Reads a chain (its own certificate first) and its key, both PEM, or says why the two are no certificate that a balancer can use. */
export function readCertificate(chainText: string, keyText: string): { certificate: PublicCertificate } | { problem: CertificateProblem } {
  try {
    const chain = readChain(chainText)
    const leaf = chain[0] ?? refuse('certificate', 'has no certificate')
    const kind = keyKind(leaf.publicKey, 'certificate')
    const key = readKey(keyText)
    checkPair(chain, key)
    checkChain(chain)
    return { certificate: { ...describe(leaf), key: kind } }
  } catch (error) {
    // What OpenSSL cannot make sense of it tells by throwing, in places that depend on what is wrong.
    return { problem: error instanceof Refused ? error.problem : { of: 'certificate', message: 'is no certificate that can be read' } }
  }
}

/**
 * A chain and its key as one text, written anew: what comes after, between and before the two in a Secret is left out, and no line of it is empty,
 * so that it can be handed to a command line. Throws for what {@link readCertificate} refuses.
 */
export function certificateBundle(chainText: string, keyText: string): string {
  const chain = readChain(chainText)
  return [...chain.map(String), String(readKey(keyText).export({ type: 'pkcs8', format: 'pem' }))].map((pem) => pem.trim()).join('\n') + '\n'
}

function readChain(text: string): X509Certificate[] {
  if (Buffer.byteLength(text) > maxChainBytes) refuse('certificate', `must be at most ${maxChainBytes >> 10} KiB`)
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/=\s]*)-----END \1-----/g)]
  if (blocks.length === 0) refuse('certificate', 'must be a certificate in PEM, from "-----BEGIN CERTIFICATE-----" on')
  const other = blocks.find(([, label]) => label !== 'CERTIFICATE')?.[1]
  if (other?.includes('PRIVATE KEY')) refuse('certificate', 'holds a private key: that belongs into tls.key alone')
  if (other !== undefined) refuse('certificate', 'must hold nothing but certificates ("-----BEGIN CERTIFICATE-----")')
  if (blocks.length > maxChain) refuse('certificate', `must be a chain of at most ${maxChain} certificates: leave out what does not lead from the first to its authority`)
  return blocks.map(([block], i) => {
    try {
      return new X509Certificate(block)
    } catch {
      return refuse('certificate', `its entry ${i + 1} is no certificate that can be read`)
    }
  })
}

function readKey(text: string): KeyObject {
  if (Buffer.byteLength(text) > maxKeyBytes) refuse('key', `must be at most ${maxKeyBytes >> 10} KiB`)
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text)) refuse('key', 'is encrypted by a passphrase, which nobody could type: store it without one')
  const [, label, body = ''] = /-----BEGIN ((?:RSA |EC |DSA |)PRIVATE KEY)-----([A-Za-z0-9+/=\s]*)-----END \1-----/.exec(text) ?? refuse('key', 'must be a private key in PEM, from "-----BEGIN PRIVATE KEY-----" on')
  if (label === 'DSA PRIVATE KEY') refuse('key', notCarriedOut)
  const der = toPkcs8(label ?? '', Buffer.from(body, 'base64'))
  if (der === null) return refuse('key', unreadableKey)
  let key: KeyObject
  try {
    key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  } catch {
    return refuse('key', unreadableKey)
  }
  keyKind(key, 'key')
  return key
}

/** What a key is, for people. Others than these are refused by browsers, by OpenSSL's security level, or cost a handshake too much. */
function keyKind(key: KeyObject, of: CertificateProblem['of']): string {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'rsa') return modulusLength >= 2048 && modulusLength <= 8192 ? `RSA ${modulusLength}` : refuse(of, `has an RSA key of ${modulusLength} bits: it must have 2048 to 8192`)
  if (key.asymmetricKeyType === 'ec') return curves[namedCurve] ? `EC ${curves[namedCurve]}` : refuse(of, 'has a key of a curve that is not carried out: use P-256, P-384 or P-521')
  return refuse(of, notCarriedOut)
}

function checkPair(chain: readonly X509Certificate[], key: KeyObject): void {
  const fits = chain.findIndex((one) => one.checkPrivateKey(key))
  if (fits < 0) refuse('key', 'does not belong to the first certificate of tls.crt: give the key that it was made for')
  if (fits > 0) refuse('certificate', `must begin with the certificate of tls.key, which is its entry ${fits + 1}: put that first, and then each before who issued it`)
}

function checkChain(chain: readonly X509Certificate[]): void {
  for (const [i, one] of chain.entries()) {
    const issuer = chain[i + 1]
    if (i > 0) keyKind(one.publicKey, 'certificate')
    const isRoot = one.subject === one.issuer
    if ((i === 0 || !isRoot) && weakSignatures.some((weak) => one.raw.includes(weak))) refuse('certificate', `its entry ${i + 1} is signed by way of SHA-1 or MD5, which clients refuse: have it issued anew`)
    if (!issuer) continue
    keyKind(issuer.publicKey, 'certificate')
    if (!one.checkIssued(issuer) || !one.verify(issuer.publicKey)) refuse('certificate', `its entry ${i + 1} was not issued by its entry ${i + 2}: put each before who issued it, and leave out what does not belong to the chain`)
  }
}

function describe(leaf: X509Certificate): Omit<PublicCertificate, 'key'> {
  const time = (text: string): string => {
    const date = new Date(text)
    return Number.isNaN(date.getTime()) ? refuse('certificate', 'has a time that cannot be read') : date.toISOString()
  }
  return { subject: nameOf(leaf.subject), issuer: nameOf(leaf.issuer), names: namesOf(leaf), notBefore: time(leaf.validFrom), notAfter: time(leaf.validTo), fingerprint: leaf.fingerprint256.replaceAll(':', '').toLowerCase() }
}

/** The common name of `CN=…` lines, else all of them in one: for people, so without what does not print. */
function nameOf(distinguished: string | undefined): string {
  const lines = (distinguished ?? '').split('\n')
  const common = lines.find((line) => line.startsWith('CN='))?.slice(3)
  return (common ?? lines.join(', ')).replace(/[^\P{C}]/gu, '').slice(0, 200)
}

const hostName = /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

/** Whom it is for. Clients look at the alternative names alone; one that has none is for nobody. */
function namesOf(leaf: X509Certificate): string[] {
  const names = (leaf.subjectAltName ?? '').split(', ').flatMap((entry) => {
    const [, kind, value = ''] = /^(DNS|IP Address):(.*)$/.exec(entry) ?? []
    const name = value.toLowerCase()
    if (kind === 'DNS') return name.length <= 253 && hostName.test(name) ? [name] : []
    return kind && isIP(value) ? [name] : []
  })
  return [...new Set(names)].slice(0, 100)
}
