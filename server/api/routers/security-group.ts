import { securityGroupDetail, securityGroupView } from '@/domain/security-group/view'
import { deleting } from '@/server/services/networks/object-lists'
import { getGroup, groupReference, listGroups, listGroupsInput, listGroupsOutput } from '@/server/services/security-groups/read-security-groups'
import { createGroup, createGroupInput, removeGroup, updateGroup, updateGroupInput } from '@/server/services/security-groups/write-security-groups'
import { router, tenantProcedure } from '../trpc'

export const securityGroupRouter = router({
  list: tenantProcedure('securityGroup.read').input(listGroupsInput).output(listGroupsOutput).query(({ ctx, input }) => listGroups(ctx, ctx.scope, input)),
  get: tenantProcedure('securityGroup.read').input(groupReference).output(securityGroupDetail).query(({ ctx, input }) => getGroup(ctx, ctx.scope, input)),
  create: tenantProcedure('securityGroup.write').input(createGroupInput).output(securityGroupView).mutation(({ ctx, input }) => createGroup(ctx, ctx.scope, input)),
  update: tenantProcedure('securityGroup.write').input(updateGroupInput).output(securityGroupView).mutation(({ ctx, input }) => updateGroup(ctx, ctx.scope, input)),
  delete: tenantProcedure('securityGroup.write').input(groupReference).output(deleting).mutation(({ ctx, input }) => removeGroup(ctx, ctx.scope, input)),
})
