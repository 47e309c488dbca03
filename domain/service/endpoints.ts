import { z } from 'zod'
import { formatIp, isIp, parseIp } from '../shared/ip'
import { dnsLabel } from '../shared/names'
import { portName, transport } from './spec'

const ipText = z.string({ error: 'must be an IP address: quote it' }).refine(isIp, 'must be an IP address').transform((text) => formatIp(parseIp(text)))

export const endpointAddress = z.strictObject({
  ip: ipText,
  hostname: dnsLabel.optional(),
  /** The host that runs the pod, by its id. */
  nodeName: z.string().max(253).optional(),
  targetRef: z.strictObject({ kind: z.string().max(63), namespace: z.string().max(63).optional(), name: z.string().max(253), uid: z.string().max(63).optional() }).optional(),
})
export type EndpointAddress = z.infer<typeof endpointAddress>
const endpointPort = z.strictObject({ name: portName.optional(), protocol: transport.default('TCP'), port: z.number().int().min(1).max(65535), appProtocol: z.string().max(253).optional() })

/** Kubernetes' v1 Endpoints: each subset is all of its addresses times all of its ports. */
export const endpointSubsets = z
  .array(z.strictObject({ addresses: z.array(endpointAddress).max(1000).default([]), notReadyAddresses: z.array(endpointAddress).max(1000).default([]), ports: z.array(endpointPort).max(100).default([]) }))
  .max(100)
export type EndpointSubset = z.infer<typeof endpointSubsets>[number]
/** More endpoints of one service than so many are not balanced; the rest is told in the service's conditions. */
export const maxEndpoints = 1000
