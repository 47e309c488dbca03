import { z } from 'zod'
import { condition } from '../shared/condition'
import { objectMetadata } from '../shared/metadata'
import { ingressSpec } from './spec'

/** `addresses`: the balancer's, on the outside; empty until it has one. */
export const ingressView = z.object({
  metadata: objectMetadata.extend({ namespace: z.string() }),
  spec: ingressSpec,
  status: z.object({ network: z.string(), balancer: z.string().nullable(), addresses: z.array(z.string()), conditions: z.array(condition) }),
})
export type IngressView = z.infer<typeof ingressView>
