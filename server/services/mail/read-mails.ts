import type { MailDetail, MailView } from '@/domain/account/mail'
import { DomainError, notFound } from '@/domain/shared/errors'
import type { Actor } from '@/server/auth/scope'
import { inTransaction, type DatabaseClient } from '@/server/store/database'
import { findMail, listMails as listMailRows, type StoredMail } from '@/server/store/mails'
import { recordAccountAudit } from '@/server/store/users'
import type { AccountParts, Client } from '../accounts/parts'
import { deliverMail, openBody } from './send-mail'

const viewOf = ({ id, recipient, subject, createdAt, sentAt, error }: Omit<StoredMail, 'wrappedBody'>): MailView => ({
  id, recipient, subject, error,
  createdAt: createdAt.toISOString(),
  sentAt: sentAt?.toISOString() ?? null,
  state: sentAt ? 'sent' : error ? 'failed' : 'kept',
})

/** Mails, newest first, without their texts. */
export async function listMails(db: DatabaseClient, input: { limit: number }): Promise<{ mails: MailView[] }> {
  return { mails: (await listMailRows(db, input.limit)).map(viewOf) }
}

/** A mail with its text, for the operator to hand on. It may hold a link that opens an account, so reading it is audited. */
export function readMail(parts: AccountParts, actor: Actor, input: { id: string }, client: Client): Promise<MailDetail> {
  return inTransaction(parts.db, async (tx) => {
    const mail = await findMail(tx, input.id)
    if (!mail) throw notFound('Mail', input.id)
    await recordAccountAudit(tx, { actorId: actor.userId, actor: actor.email, action: 'mail.read', kind: 'Mail', name: mail.id, address: client.address })
    return { ...viewOf(mail), body: openBody(parts.keyRing, mail) }
  })
}

/** Tries once more to send a mail that is kept or failed; the answer says how that went. */
export async function resendMail(parts: AccountParts, input: { id: string }): Promise<MailView> {
  if (!parts.mailTransport && !parts.config.smtpUrl) throw new DomainError('failed_precondition', 'No mail server is set: set SMTP_URL, or hand the text on yourself.')
  await deliverMail(parts, input.id)
  const mail = await findMail(parts.db, input.id)
  if (!mail) throw notFound('Mail', input.id)
  return viewOf(mail)
}
