import { once } from 'node:events'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SMTPServer } from 'smtp-server'
import { loadConfig } from '@/platform/config'
import { newPerson, openTestParts, signedInActor, type TestParts } from '@/server/auth/testing/test-parts'
import { inTransaction } from '@/server/store/database'
import { signUp } from '../accounts/sign-up'
import { listMails, readMail, resendMail } from './read-mails'
import { deliverMail, queueMail } from './send-mail'
import { smtpTransport } from './transport'

let parts: TestParts
beforeAll(async () => void (parts = await openTestParts()))
afterAll(() => parts.close())
const client = { address: '192.0.2.7' }

const queue = (text = 'the text of it') => inTransaction(parts.db, (tx) => queueMail(tx, parts.keyRing, { recipient: 'ada@example.com', subject: 'Subject', text }))
const operator = async () => signedInActor(parts.db, (await signUp(parts, newPerson(), client)).account.id)

/** A mail server on loopback that takes everything, or refuses each recipient. */
async function mailServer(refuse = false) {
  const received: string[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo: (_, __, done) => done(refuse ? new Error('no such mailbox') : null),
    onData(stream, _, done) {
      let text = ''
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
      stream.on('end', () => {
        received.push(text)
        done()
      })
    },
  })
  const listening = server.listen(0, '127.0.0.1')
  if (!listening.listening) await once(listening, 'listening')
  const address = listening.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return { url: `smtp://127.0.0.1:${port}`, received, close: () => new Promise<void>((done) => server.close(() => done())) }
}

function thrownBy(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe('mail', () => {
  it('is kept for the operator where no server is set, and reading it is audited', async () => {
    const actor = await operator()
    const id = await queue()
    await deliverMail(parts, id)
    expect((await listMails(parts.db, { limit: 10 })).mails).toMatchObject([{ id, state: 'kept', recipient: 'ada@example.com', subject: 'Subject' }])
    expect(await readMail(parts, actor, { id }, client)).toMatchObject({ state: 'kept', body: 'the text of it' })
    expect(await parts.db.auditEntry.count({ where: { action: 'mail.read', name: id, actor: actor.email } })).toBe(1)
    await expect(resendMail(parts, { id })).rejects.toMatchObject({ code: 'failed_precondition' })
    await expect(readMail(parts, actor, { id: crypto.randomUUID() }, client)).rejects.toMatchObject({ code: 'not_found' })
  })
  it('goes to the server once, and its text goes with it', async () => {
    const server = await mailServer()
    try {
      const config = { ...parts.config, smtpUrl: server.url }
      const id = await queue('a line\n.\nand an ümlaut')
      await deliverMail({ ...parts, config }, id)
      await deliverMail({ ...parts, config }, id)
      expect(server.received).toHaveLength(1)
      expect(server.received[0]).toMatch(/^From: Hypernetes <no-reply@console\.test>/m)
      expect(server.received[0]).toMatch(/^To: ada@example\.com/m)
      expect(await readMail(parts, await operator(), { id }, client)).toMatchObject({ state: 'sent', body: null, error: '' })
    } finally {
      await server.close()
    }
  })
  it('records why it failed and is sent again when the operator says so', async () => {
    const [refusing, taking] = [await mailServer(true), await mailServer()]
    try {
      const id = await queue()
      await deliverMail({ ...parts, config: { ...parts.config, smtpUrl: refusing.url } }, id)
      const failed = (await listMails(parts.db, { limit: 10 })).mails.find((mail) => mail.id === id)
      expect(failed).toMatchObject({ state: 'failed', error: expect.stringContaining('no such mailbox') })
      expect(await resendMail({ ...parts, config: { ...parts.config, smtpUrl: taking.url } }, { id })).toMatchObject({ state: 'sent', error: '' })
      expect(taking.received).toHaveLength(1)
    } finally {
      await refusing.close()
      await taking.close()
    }
  })
  it('tells a failure without the server’s password', async () => {
    const refusing = await mailServer(true)
    const secret = 'smtp-password-of-a-test'
    try {
      const id = await queue()
      for (const url of [refusing.url.replace('//', `//user:${secret}@`), `smtp://user:${secret}@127.0.0.1:1`]) {
        await deliverMail({ ...parts, config: { ...parts.config, smtpUrl: url } }, id)
        const failed = (await listMails(parts.db, { limit: 10 })).mails.find((mail) => mail.id === id)
        expect(failed).toMatchObject({ state: 'failed', error: expect.stringMatching(/./) })
        expect(failed?.error).not.toContain(secret)
      }
      expect(parts.logged()).not.toContain(secret)
      expect(inspect(thrownBy(() => smtpTransport(`smtp://user:${secret}@[`, 'http://127.0.0.1:3000')))).not.toContain(secret)
      expect(inspect(thrownBy(() => loadConfig({ NODE_ENV: 'test', SMTP_URL: `smtp://user:${secret}@[` })))).not.toContain(secret)
    } finally {
      await refusing.close()
    }
  })
  it('takes the sender from the URL', async () => {
    const server = await mailServer()
    try {
      await smtpTransport(`${server.url}?from=cloud@example.org`, 'http://127.0.0.1:3000').send({ to: 'a@b.cd', subject: 'S', text: 't' })
      expect(server.received[0]).toMatch(/^From: Hypernetes <cloud@example\.org>/m)
    } finally {
      await server.close()
    }
  })
})
