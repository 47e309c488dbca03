import { networkPolicyDetail, networkPolicyView } from '@/domain/network-policy/view'
import { createPolicy, createPolicyInput, getPolicy, listPolicies, listPoliciesInput, listPoliciesOutput, policyReference, removePolicy, updatePolicy, updatePolicyInput } from '@/server/services/network-policies/network-policies'
import { deleting } from '@/server/services/networks/object-lists'
import { router, tenantProcedure } from '../trpc'

/** A NetworkPolicy does what a security group does, so who may write the one may write the other. */
export const networkPolicyRouter = router({
  list: tenantProcedure('securityGroup.read').input(listPoliciesInput).output(listPoliciesOutput).query(({ ctx, input }) => listPolicies(ctx, ctx.scope, input)),
  get: tenantProcedure('securityGroup.read').input(policyReference).output(networkPolicyDetail).query(({ ctx, input }) => getPolicy(ctx, ctx.scope, input)),
  create: tenantProcedure('securityGroup.write').input(createPolicyInput).output(networkPolicyView).mutation(({ ctx, input }) => createPolicy(ctx, ctx.scope, input)),
  update: tenantProcedure('securityGroup.write').input(updatePolicyInput).output(networkPolicyView).mutation(({ ctx, input }) => updatePolicy(ctx, ctx.scope, input)),
  delete: tenantProcedure('securityGroup.write').input(policyReference).output(deleting).mutation(({ ctx, input }) => removePolicy(ctx, ctx.scope, input)),
})
