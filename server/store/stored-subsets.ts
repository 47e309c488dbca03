import { z } from 'zod'
import type { EndpointSubset } from '@/domain/service/endpoints'

const text = z.string()
const address = z.object({ ip: text, hostname: text.optional(), nodeName: text.optional(), targetRef: z.object({ kind: text, namespace: text.optional(), name: text, uid: text.optional() }).optional() })
const port = z.object({ name: text.optional(), protocol: z.enum(['TCP', 'UDP']).default('TCP'), port: z.number(), appProtocol: text.optional() })
const subsets = z.array(z.object({ addresses: z.array(address).default([]), notReadyAddresses: z.array(address).default([]), ports: z.array(port).default([]) }))

/** Subsets of a stored row: of this shape. Their many thousands of addresses were checked when they were written, and are not read as addresses again. */
export const storedSubsets = (stored: unknown): EndpointSubset[] => subsets.parse(stored)
