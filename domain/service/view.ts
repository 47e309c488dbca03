import { z } from 'zod'
import { condition } from '../shared/condition'
import { objectMetadata } from '../shared/metadata'
import { endpointSubsets } from './endpoints'
import { serviceSpec } from './spec'

const namespaced = objectMetadata.extend({ namespace: z.string() })

/** A service for lists and pages. `spec` is as written; what the server gave it stands in `status`. */
export const serviceView = z.object({
  metadata: namespaced,
  spec: serviceSpec,
  status: z.object({
    network: z.string(),
    /** Its addresses in the network, IPv4 first; empty where headless. */
    addresses: z.array(z.string()),
    /** Its name in the network's DNS, in full. */
    hostname: z.string(),
    endpointsReady: z.number().int(),
    endpointsNotReady: z.number().int(),
    /** Its balancer on the outside, which is called as it is; null where it asks for none or has none yet. */
    loadBalancer: z.object({ balancer: z.string(), addresses: z.array(z.string()) }).nullable(),
    conditions: z.array(condition),
  }),
})
export type ServiceView = z.infer<typeof serviceView>

/** One endpoint as a page shows it: of a pod, or an address that somebody wrote. */
export const serviceEndpointView = z.object({ address: z.string(), ready: z.boolean(), pod: z.object({ namespace: z.string(), name: z.string(), uid: z.string() }).nullable(), host: z.string().nullable(), ports: z.array(z.object({ name: z.string().nullable(), protocol: z.enum(['TCP', 'UDP']), port: z.number().int() })) })
export type ServiceEndpointView = z.infer<typeof serviceEndpointView>
export const serviceDetail = serviceView.extend({ endpoints: z.array(serviceEndpointView) })
export type ServiceDetail = z.infer<typeof serviceDetail>

export const endpointsView = z.object({ metadata: namespaced, subsets: endpointSubsets })
export type EndpointsView = z.infer<typeof endpointsView>
