import { z } from 'zod'
import { mailDetail, mailView } from '@/domain/account/mail'
import { listMails, readMail, resendMail } from '@/server/services/mail/read-mails'
import { operatorProcedure, router } from '../trpc'

const byId = z.object({ id: z.uuid() })

export const mailRouter = router({
  list: operatorProcedure.input(z.object({ limit: z.number().int().min(1).max(500).default(100) })).output(z.object({ mails: z.array(mailView) })).query(({ ctx, input }) => listMails(ctx.db, input)),
  get: operatorProcedure.input(byId).output(mailDetail).query(({ ctx, input }) => readMail(ctx, ctx.actor, input, ctx)),
  resend: operatorProcedure.input(byId).output(mailView).mutation(({ ctx, input }) => resendMail(ctx, input)),
})
