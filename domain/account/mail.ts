import { z } from 'zod'

/** `kept`: no SMTP server is set, the operator hands it on; `failed`: the server refused it, `error` says why. */
export const mailView = z.object({
  id: z.string(),
  recipient: z.string(),
  subject: z.string(),
  createdAt: z.string(),
  sentAt: z.string().nullable(),
  state: z.enum(['sent', 'kept', 'failed']),
  error: z.string(),
})
export type MailView = z.infer<typeof mailView>

/** With its text; null once it was sent, for nobody but the recipient needs the link in it then. */
export const mailDetail = mailView.extend({ body: z.string().nullable() })
export type MailDetail = z.infer<typeof mailDetail>
