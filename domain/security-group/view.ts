import { z } from 'zod'
import { objectMetadata } from '../shared/metadata'
import { securityGroupSpec } from './spec'

/** The pods that a group or a policy holds for now. */
export const memberPod = z.object({ namespace: z.string(), name: z.string(), addresses: z.array(z.string()) })
export const securityGroupView = z.object({ metadata: objectMetadata, spec: securityGroupSpec, status: z.object({ pods: z.number().int() }) })
export type SecurityGroupView = z.infer<typeof securityGroupView>
/** `usedBy`: groups whose rules name this one. */
export const securityGroupDetail = securityGroupView.extend({ members: z.array(memberPod), usedBy: z.array(z.string()) })
export type SecurityGroupDetail = z.infer<typeof securityGroupDetail>
