/** rsaEncryption (RFC 8017) and id-ecPublicKey (RFC 5480), as DER writes them. */
const rsa = Buffer.from('06092a864886f70d010101', 'hex')
const ec = Buffer.from('06072a8648ce3d0201', 'hex')
const tags = { integer: 2, octets: 4, object: 6, sequence: 0x30, first: 0xa0 } as const

type Element = { tag: number; whole: Buffer; body: Buffer; rest: Buffer }

/** The first element of DER; null where there is none. */
function element(bytes: Buffer | undefined): Element | null {
  if (!bytes || bytes.length < 2) return null
  const [tag = 0, short = 0] = bytes
  const more = short & 0x80 ? short & 0x7f : 0
  if ((short & 0x80 && (more < 1 || more > 3)) || bytes.length < 2 + more) return null
  const begin = 2 + more
  const end = begin + (more ? bytes.readUIntBE(2, more) : short)
  return bytes.length < end ? null : { tag, whole: bytes.subarray(0, end), body: bytes.subarray(begin, end), rest: bytes.subarray(end) }
}

function write(tag: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const length = body.length < 128 ? [body.length] : body.length < 256 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}

/**
 * A key of RSA or of a named curve as PKCS #8, out of what PEM calls `PRIVATE KEY`, `RSA PRIVATE KEY` or `EC PRIVATE KEY`; null for any other. OpenSSL guesses what a key is,
 * whatever PEM calls it, and reckons the public key of DSA and DH while it reads them: minutes, where their numbers are large. So it is told, and those never get there.
 */
export function toPkcs8(label: string, der: Buffer): Buffer | null {
  const version = element(element(der)?.body)
  const second = element(version?.rest)
  if (version?.tag !== tags.integer || !second || der.length > 0xf000) return null
  if (label === 'RSA PRIVATE KEY') return second.tag === tags.integer ? wrap(write(tags.sequence, rsa, Buffer.from([5, 0])), der) : null
  if (label === 'EC PRIVATE KEY') {
    const parameters = element(second.rest)
    const curve = parameters?.tag === tags.first ? element(parameters.body) : null
    return second.tag === tags.octets && curve?.tag === tags.object ? wrap(write(tags.sequence, ec, curve.whole), der) : null
  }
  const algorithm = second.tag === tags.sequence ? element(second.body) : null
  if (algorithm?.whole.equals(rsa)) return der
  return algorithm?.whole.equals(ec) && element(algorithm.rest)?.tag === tags.object ? der : null
}

const wrap = (algorithm: Buffer, key: Buffer): Buffer => write(tags.sequence, write(tags.integer, Buffer.from([0])), algorithm, write(tags.octets, key))
