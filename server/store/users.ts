import type { Database } from './database'

export type StoredUser = NonNullable<Awaited<ReturnType<typeof findUserByEmail>>>

export const findUserByEmail = (db: Database, email: string) => db.user.findUnique({ where: { email } })

export const findUserById = (db: Database, id: string) => db.user.findUnique({ where: { id } })

/** Inserts a user and returns it, or null when the e-mail is taken. A conflict does not end the transaction. */
export async function insertUser(tx: Database, user: { email: string; name: string; passwordHash: string; operator?: boolean; pending?: boolean }): Promise<StoredUser | null> {
  const [row] = await tx.user.createManyAndReturn({ data: [user], skipDuplicates: true })
  return row ?? null
}

export const setPasswordHash = (db: Database, userId: string, passwordHash: string) => db.user.update({ where: { id: userId }, data: { passwordHash } })

export const findFirstOperator = (db: Database) => db.user.findFirst({ where: { operator: true }, orderBy: { createdAt: 'asc' } })

/** Accounts that wait for approval, oldest first, with the tenant that came with them. */
export const listPendingUsers = (db: Database) =>
  db.user.findMany({ where: { pending: true }, include: { memberships: { include: { tenant: true } } }, orderBy: { createdAt: 'asc' }, take: 500 })

/** Lets a pending user in; false when no such user waits. */
export async function approveUser(tx: Database, userId: string): Promise<boolean> {
  return (await tx.user.updateMany({ where: { id: userId, pending: true }, data: { pending: false } })).count > 0
}

/** Removes a user that was never let in, and the tenants that are only theirs; false when no such user waits. */
export async function deletePendingUser(tx: Database, userId: string): Promise<boolean> {
  const waiting = await tx.user.findFirst({ where: { id: userId, pending: true } })
  if (!waiting) return false
  await tx.tenant.deleteMany({ where: { memberships: { some: { userId }, every: { userId } } } })
  await tx.user.delete({ where: { id: userId } })
  return true
}

export const insertPasswordReset = (tx: Database, reset: { userId: string; tokenHash: string; expiresAt: Date }) => tx.passwordReset.create({ data: reset })

/** A reset that is unused, in its time and of a user who is not disabled; else null. */
export const findPasswordReset = (db: Database, tokenHash: string) =>
  db.passwordReset.findFirst({ where: { tokenHash, usedAt: null, expiresAt: { gt: new Date() }, user: { disabledAt: null } }, include: { user: { omit: { passwordHash: true } } } })

/**
 * Uses up a reset that is unused and in its time, and with it all others of the user. Returns the user's id, or null. Of two
 * at the same time one gets it: the update is conditional.
 */
export async function usePasswordReset(tx: Database, tokenHash: string): Promise<string | null> {
  const now = new Date()
  const [used] = await tx.passwordReset.updateManyAndReturn({ where: { tokenHash, usedAt: null, expiresAt: { gt: now } }, data: { usedAt: now } })
  if (!used) return null
  await tx.passwordReset.updateMany({ where: { userId: used.userId, usedAt: null }, data: { usedAt: now } })
  return used.userId
}

/** Audit of what a person does to their own account, or an operator to an account: it belongs to no tenant. */
export const recordAccountAudit = (tx: Database, entry: { actorId: string; actor: string; action: string; name: string; kind?: string; address?: string; detail?: string }) =>
  tx.auditEntry.create({ data: { kind: 'Account', ...entry, tenantId: null } })
