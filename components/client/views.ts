import type { inferRouterOutputs } from '@trpc/server'
import type { AppRouter } from '@/server/api/root'

type Outputs = inferRouterOutputs<AppRouter>

/** What procedures return, where the page needs a name for it. */
export type Me = Outputs['account']['me']
export type SessionView = Outputs['account']['sessions']['items'][number]
export type TokenView = Outputs['token']['list']['items'][number]
export type NetworkView = Outputs['network']['list']['items'][number]
export type NamespaceView = Outputs['namespace']['list']['items'][number]
export type MailView = Outputs['mail']['list']['items'][number]
