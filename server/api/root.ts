import { accountRouter } from './routers/account'
import { hostRouter } from './routers/host'
import { mailRouter } from './routers/mail'
import { applyProcedure, manifestRouter } from './routers/manifest'
import { namespaceRouter } from './routers/namespace'
import { networkRouter } from './routers/network'
import { podRouter } from './routers/pod'
import { auditRouter, eventRouter, imageRouter } from './routers/record'
import { tokenRouter } from './routers/token'
import { router } from './trpc'

export const appRouter = router({
  account: accountRouter,
  audit: auditRouter,
  event: eventRouter,
  host: hostRouter,
  image: imageRouter,
  mail: mailRouter,
  manifest: manifestRouter,
  'manifest.apply': applyProcedure,
  namespace: namespaceRouter,
  network: networkRouter,
  pod: podRouter,
  token: tokenRouter,
})
export type AppRouter = typeof appRouter
