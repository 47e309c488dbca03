import { z } from 'zod'
import { condition } from '../shared/condition'
import { objectMetadata } from '../shared/metadata'
import { networkSpec } from './spec'

export const networkView = z.object({
  metadata: objectMetadata,
  spec: networkSpec,
  status: z.object({ conditions: z.array(condition), pods: z.number().int(), addressesUsed: z.number().int(), addressesTotal: z.number().int(), namespaces: z.array(z.string()) }),
})
export type NetworkView = z.infer<typeof networkView>
