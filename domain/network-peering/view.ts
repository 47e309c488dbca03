import { z } from 'zod'
import { condition } from '../shared/condition'
import { objectMetadata } from '../shared/metadata'
import { networkPeeringSpec } from './spec'

/** `active`: both sides agree and nothing is in the way; else `conditions` says what is missing. Of another tenant's network nothing is told but its name. */
export const networkPeeringView = z.object({ metadata: objectMetadata, spec: networkPeeringSpec, status: z.object({ active: z.boolean(), peerTenant: z.string(), conditions: z.array(condition) }) })
export type NetworkPeeringView = z.infer<typeof networkPeeringView>
