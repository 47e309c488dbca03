import { randomUUID } from 'node:crypto'
import type { KeyRing } from '@/platform/crypto/key-ring'
import type { Transaction } from '@/server/store/database'
import { findMail, insertMail, markMailFailed, markMailSent, type StoredMail } from '@/server/store/mails'
import type { AccountParts } from '../accounts/parts'
import { smtpTransport } from './transport'

export type NewMail = { recipient: string; subject: string; text: string }

const contextOf = (id: string): string => `mail/${id}`

/** Stores a mail in the transaction that has a reason for it, its text wrapped by the key ring. Returns its id. */
export async function queueMail(tx: Transaction, keyRing: KeyRing, mail: NewMail): Promise<string> {
  const id = randomUUID()
  await insertMail(tx, { id, recipient: mail.recipient, subject: mail.subject, wrappedBody: keyRing.wrap(Buffer.from(mail.text), contextOf(id)) })
  return id
}

/** The text of a stored mail; null once it was sent. */
export const openBody = (keyRing: KeyRing, mail: StoredMail): string | null => (mail.wrappedBody === '' ? null : keyRing.unwrap(mail.wrappedBody, contextOf(mail.id)).toString())

/**
 * Sends a stored mail once, where an SMTP server is set; otherwise it is kept for the operator. A failure is recorded with
 * the mail and not tried again by itself: what is in it is soon too old, the person can ask again, and the operator sees it
 * and has `mail.resend`.
 */
export async function deliverMail(parts: AccountParts, id: string): Promise<void> {
  const transport = parts.mailTransport ?? (parts.config.smtpUrl ? smtpTransport(parts.config.smtpUrl, parts.config.publicUrl) : null)
  const mail = transport ? await findMail(parts.db, id) : null
  const text = mail && openBody(parts.keyRing, mail)
  if (!transport || !mail || text === null) return
  try {
    await transport.send({ to: mail.recipient, subject: mail.subject, text })
    await markMailSent(parts.db, id)
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error)
    parts.log.warn({ mail: id, cause }, 'a mail could not be sent')
    await markMailFailed(parts.db, id, cause.slice(0, 1000))
  }
}
