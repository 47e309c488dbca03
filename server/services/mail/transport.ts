import { createTransport } from 'nodemailer'

/** Hands one message to a mail server. Throws what the server said. */
export type MailTransport = { send(message: { to: string; subject: string; text: string }): Promise<void> }

const seconds = (n: number) => n * 1000

/**
 * SMTP as `SMTP_URL` says, in nodemailer's form (`smtp://user:password@host:587`). The sender is `no-reply@` the public
 * address's name, or the URL's parameter `from`.
 */
export function smtpTransport(smtpUrl: string, publicUrl: string): MailTransport {
  // The error of a parser would hold the whole address, and so the password, wherever it is logged.
  if (!URL.canParse(smtpUrl)) throw new Error('SMTP_URL is no address of the form smtp://user:password@host:587')
  const url = new URL(smtpUrl)
  const from = url.searchParams.get('from') ?? senderOf(publicUrl)
  url.searchParams.delete('from')
  const server = createTransport({ url: url.href, connectionTimeout: seconds(15), greetingTimeout: seconds(15), socketTimeout: seconds(30) })
  return {
    send: async (message) => {
      await server.sendMail({ ...message, from: { name: 'Hypernetes', address: from } })
    },
  }
}

function senderOf(publicUrl: string): string {
  const { hostname } = new URL(publicUrl)
  return `no-reply@${/^[\d.]+$/.test(hostname) ? `[${hostname}]` : hostname}`
}
