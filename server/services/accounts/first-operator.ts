import { email as emailSchema } from '@/domain/account/input'
import { passwordProblem } from '@/domain/account/password'
import type { Config } from '@/platform/config'
import { Secret } from '@/platform/crypto/secret'
import type { KeyRing } from '@/platform/crypto/key-ring'
import { hashPassword } from '@/server/auth/passwords'
import { randomText } from '@/server/auth/secret-text'
import { inTransaction, type DatabaseClient } from '@/server/store/database'
import { findFirstOperator } from '@/server/store/users'
import { createAccount } from './create-account'

/**
 * `password` is set where one was made up: it is shown once, by whoever called. `warning` is for the log: a password from
 * the settings that a sign-up would refuse is taken all the same, for the machine is its owner's.
 */
export type FirstOperator = { created: boolean; email: string; password?: Secret; warning?: string }

/**
 * Makes the first operator where there is none: at the first start, from `HYPERNETES_ADMIN_EMAIL` and
 * `HYPERNETES_ADMIN_PASSWORD`. They get a tenant of their own too. Two processes at once make one.
 * Throws when the e-mail is none or belongs to an ordinary account.
 */
export async function ensureFirstOperator(db: DatabaseClient, config: Pick<Config, 'adminEmail' | 'adminPassword'>, keyRing: KeyRing): Promise<FirstOperator> {
  const known = await findFirstOperator(db)
  if (known) return { created: false, email: known.email }
  const parsed = emailSchema.safeParse(config.adminEmail)
  if (!parsed.success) throw new Error(`HYPERNETES_ADMIN_EMAIL: "${config.adminEmail}" is not an e-mail address`)
  const email = parsed.data
  const password = config.adminPassword ?? randomText(15)
  const passwordHash = await hashPassword(password)
  return inTransaction(db, async (tx) => {
    await tx.$executeRaw`select pg_advisory_xact_lock(hashtext('hypernetes first operator'))`
    const meanwhile = await findFirstOperator(tx)
    if (meanwhile) return { created: false, email: meanwhile.email }
    const made = await createAccount(tx, keyRing, { email, name: 'Operator', organization: 'Operations', passwordHash, operator: true, address: '' })
    if (!made) throw new Error(`HYPERNETES_ADMIN_EMAIL: ${email} belongs to an ordinary account; name another`)
    if (config.adminPassword === undefined) return { created: true, email, password: new Secret(password) }
    const problem = passwordProblem(password, { email })
    return { created: true, email, ...(problem ? { warning: `HYPERNETES_ADMIN_PASSWORD ${problem}` } : {}) }
  })
}
