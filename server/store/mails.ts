import type { Database } from './database'

export type StoredMail = NonNullable<Awaited<ReturnType<typeof findMail>>>

export const insertMail = (tx: Database, mail: { id: string; recipient: string; subject: string; wrappedBody: string }) => tx.mail.create({ data: mail })

export const findMail = (db: Database, id: string) => db.mail.findUnique({ where: { id } })

/** Newest first, without the texts. */
export const listMails = (db: Database, limit: number) => db.mail.findMany({ omit: { wrappedBody: true }, orderBy: [{ createdAt: 'desc' }, { id: 'asc' }], take: limit })

/** The text goes with the sending: what is in it is the recipient's alone from then on. */
export const markMailSent = (db: Database, id: string) => db.mail.update({ where: { id }, data: { sentAt: new Date(), error: '', wrappedBody: '' } })

export const markMailFailed = (db: Database, id: string, error: string) => db.mail.update({ where: { id }, data: { error } })
