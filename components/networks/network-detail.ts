import type { inferRouterOutputs } from '@trpc/server'
import type { AppRouter } from '@/server/api/root'

/** A network as its page gets it. */
export type NetworkDetail = inferRouterOutputs<AppRouter>['network']['get']
