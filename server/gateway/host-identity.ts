import { createPublicKey, verify } from 'node:crypto'
import { helloSignatureText, type HelloInput } from '@/contracts/host/v1'

/** Whether the hello was signed by the key that it names, over this connection's nonce (Ed25519, RFC 8032). */
export function verifyHello(hello: HelloInput, nonce: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(hello.publicKey, 'base64'), format: 'der', type: 'spki' })
    if (key.asymmetricKeyType !== 'ed25519') return false
    return verify(null, Buffer.from(helloSignatureText(nonce, hello.publicKey, hello.bootId)), key, Buffer.from(hello.signature, 'base64'))
  } catch {
    return false
  }
}
