import { randomBytes } from 'node:crypto'

/** The name that an object with a generateName gets: five letters and digits as Kubernetes appends them, no vowels, so that no words come out. */
export function generatedName(prefix: string): string {
  const alphabet = 'bcdfghjklmnpqrstvwxz2456789'
  return prefix + [...randomBytes(5)].map((byte) => alphabet[byte % alphabet.length]).join('')
}
