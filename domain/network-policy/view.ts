import { z } from 'zod'
import { objectMetadata } from '../shared/metadata'
import { memberPod } from '../security-group/view'
import { networkPolicySpec } from './spec'

export const networkPolicyView = z.object({ metadata: objectMetadata.extend({ namespace: z.string() }), spec: networkPolicySpec, status: z.object({ network: z.string(), pods: z.number().int() }) })
export type NetworkPolicyView = z.infer<typeof networkPolicyView>
export const networkPolicyDetail = networkPolicyView.extend({ members: z.array(memberPod) })
export type NetworkPolicyDetail = z.infer<typeof networkPolicyDetail>
