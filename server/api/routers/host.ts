import { hostView } from '@/domain/host/view'
import { getHost, hostDetail, hostReference, listHostsOutput, listHostViews, updateHost, updateHostInput } from '@/server/services/hosts/hosts'
import { declareLost, declareLostInput, readmitHost } from '@/server/services/hosts/lost-hosts'
import { operatorProcedure, router } from '../trpc'

export const hostRouter = router({
  list: operatorProcedure.output(listHostsOutput).query(({ ctx }) => listHostViews(ctx)),
  get: operatorProcedure.input(hostReference).output(hostDetail).query(({ ctx, input }) => getHost(ctx, input.name)),
  update: operatorProcedure.input(updateHostInput).output(hostView).mutation(({ ctx, input }) => updateHost(ctx, input)),
  declareLost: operatorProcedure.input(declareLostInput).output(hostView).mutation(({ ctx, input }) => declareLost(ctx, ctx.actor, input)),
  readmit: operatorProcedure.input(hostReference).output(hostView).mutation(({ ctx, input }) => readmitHost(ctx, ctx.actor, input)),
})
