import { createHash, randomBytes } from 'node:crypto'

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Random text of letters and digits (a double click selects all of it) that carries `bytes` random bytes. */
export function randomText(bytes: number): string {
  const length = Math.ceil((bytes * 8) / Math.log2(alphabet.length))
  let number = BigInt(`0x${randomBytes(bytes).toString('hex')}`)
  let text = ''
  for (let i = 0; i < length; i++) {
    text = alphabet.charAt(Number(number % 62n)) + text
    number /= 62n
  }
  return text
}

/** What is stored of a random secret. It has 256 random bits, so a plain hash is enough and finds its row. */
export const hashSecretText = (text: string): string => createHash('sha256').update(text).digest('hex')

const tokenPattern = /^hyp_[0-9A-Za-z]{43}$/

/** A new API token: `text` goes to the person once, `hash` and `prefix` are stored. */
export function newApiToken(): { text: string; hash: string; prefix: string } {
  const text = `hyp_${randomText(32)}`
  return { text, hash: hashSecretText(text), prefix: text.slice(0, 10) }
}

export const isApiToken = (text: string): boolean => tokenPattern.test(text)
