import { hash, verify } from '@node-rs/argon2'
import { normalisePassword } from '@/domain/account/password'

/** argon2id (the library's default variant) at the cost that OWASP's password storage sheet names first. Memory in KiB. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

export const hashPassword = (password: string): Promise<string> => hash(normalisePassword(password), cost)

let nobody: Promise<string> | undefined

/**
 * Compares a password with a stored hash. Without a hash (an unknown user) it compares with one of nobody's, so that both
 * take the same time, and answers false.
 */
export async function verifyPassword(stored: string | null, password: string): Promise<boolean> {
  const nobodys = await (nobody ??= hashPassword('a password of nobody'))
  const matches = await verify(stored ?? nobodys, normalisePassword(password))
  return stored !== null && matches
}
