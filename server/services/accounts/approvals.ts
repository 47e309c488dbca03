import type { PendingAccountView } from '@/domain/account/view'
import { notFound } from '@/domain/shared/errors'
import type { Actor } from '@/server/auth/scope'
import { inTransaction, type DatabaseClient } from '@/server/store/database'
import { approveUser, deletePendingUser, findUserById, listPendingUsers, recordAccountAudit } from '@/server/store/users'
import { deliverMail, queueMail } from '../mail/send-mail'
import type { AccountParts, Client } from './parts'

/** Accounts that wait for an operator, oldest first. */
export async function listPending(db: DatabaseClient): Promise<{ accounts: PendingAccountView[] }> {
  const users = await listPendingUsers(db)
  return { accounts: users.map(({ id, email, name, createdAt, memberships }) => ({ id, email, name, organization: memberships[0]?.tenant.name ?? '', createdAt: createdAt.toISOString() })) }
}

/** Lets a pending account in and tells the person by mail. Throws `not_found` when none such waits. */
export async function approve(parts: AccountParts, actor: Actor, input: { id: string }, client: Client): Promise<Record<string, never>> {
  const mailId = await inTransaction(parts.db, async (tx) => {
    const user = await findUserById(tx, input.id)
    if (!user || !(await approveUser(tx, input.id))) throw notFound('Pending account', input.id)
    await recordAccountAudit(tx, { actorId: actor.userId, actor: actor.email, action: 'account.approve', name: user.email, address: client.address })
    const text = [`Hello ${user.name},`, '', 'your account is approved. Sign in here:', '', `${parts.config.publicUrl}/sign-in`, ''].join('\n')
    return queueMail(tx, parts.keyRing, { recipient: user.email, subject: 'Your Hypernetes account is approved', text })
  })
  await deliverMail(parts, mailId)
  return {}
}

/** Removes a pending account and its tenant. Throws `not_found` when none such waits. */
export function decline(parts: AccountParts, actor: Actor, input: { id: string }, client: Client): Promise<Record<string, never>> {
  return inTransaction(parts.db, async (tx) => {
    const user = await findUserById(tx, input.id)
    if (!user || !(await deletePendingUser(tx, input.id))) throw notFound('Pending account', input.id)
    await recordAccountAudit(tx, { actorId: actor.userId, actor: actor.email, action: 'account.decline', name: user.email, address: client.address })
    return {}
  })
}
