import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { helloSignatureText } from '@/contracts/host/v1'
import { codeOf } from '@/platform/error-code'

/** The host's own key pair: what the server knows it by. The private half never leaves this class. */
export class HostIdentity {
  /** SPKI DER in base64. */
  readonly publicKey: string
  private constructor(private readonly key: KeyObject) {
    this.publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64')
  }

  /** Reads the Ed25519 key (PEM) of the file, making one (mode 0600) where there is none. Throws on any other key. */
  static async load(file: string): Promise<HostIdentity> {
    const pem = await readFile(file, 'utf8').catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return null
      throw error
    })
    const key = createPrivateKey(pem ?? (await makeKey(file)))
    if (key.asymmetricKeyType !== 'ed25519') throw new Error(`${file}: the host's key must be an Ed25519 key, not ${key.asymmetricKeyType}`)
    return new HostIdentity(key)
  }

  /** The signature for the hello, base64. */
  signHello(nonce: string, bootId: string): string {
    return sign(null, Buffer.from(helloSignatureText(nonce, this.publicKey, bootId)), this.key).toString('base64')
  }
}

async function makeKey(file: string): Promise<string> {
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeFile(file, pem, { mode: 0o600, flag: 'wx' })
  return pem
}
