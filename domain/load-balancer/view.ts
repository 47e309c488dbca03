import { z } from 'zod'
import { condition } from '../shared/condition'
import { objectMetadata } from '../shared/metadata'
import { balancerListener, balancerModel } from './model'

/** Pending: has no address or no host yet, or its host has not said that it runs. Active: answers. Degraded: answers, and some of it cannot. Failed: does not. */
export const balancerPhase = z.enum(['Pending', 'Active', 'Degraded', 'Failed'])
export type BalancerPhase = z.infer<typeof balancerPhase>
/** Who asked for a balancer: it has the same namespace and name. */
export const balancerSource = z.enum(['Service', 'Ingress'])
export type BalancerSource = z.infer<typeof balancerSource>

export const balancerView = z.object({
  metadata: objectMetadata.extend({ namespace: z.string() }),
  source: balancerSource,
  /** What it does; null where what asked for it cannot be carried out, as `conditions` say. */
  model: balancerModel.nullable(),
  status: z.object({
    phase: balancerPhase,
    network: z.string(),
    addresses: z.array(z.string()),
    /** Those of them that were taken for it, and go with it. */
    managedAddresses: z.array(z.string()),
    /** Where a browser finds it, one for each listener of http and https and host of its rules; empty for others. */
    urls: z.array(z.string()),
    host: z.string().nullable(),
    backendsReady: z.number().int(),
    backendsTotal: z.number().int(),
    conditions: z.array(condition),
  }),
})
export type BalancerView = z.infer<typeof balancerView>

/** As a list has it: without what may be large. `ports` is empty where what asked for it cannot be carried out. */
export const balancerListItem = balancerView.omit({ model: true }).extend({ metadata: objectMetadata.omit({ annotations: true }).extend({ namespace: z.string() }), ports: z.array(balancerListener.pick({ port: true, protocol: true })) })
export type BalancerListItem = z.infer<typeof balancerListItem>

/** `health` as the balancer sees it: passive checks take a pod out that the probe has not yet. */
export const balancerServerView = z.object({ address: z.string(), port: z.number().int(), pod: z.object({ namespace: z.string(), name: z.string() }).nullable(), weight: z.number().int(), health: z.enum(['up', 'down', 'draining', 'unknown']) })
export type BalancerServerView = z.infer<typeof balancerServerView>
/**
 * The same server as its balancer has it at this moment. `since`: when it came to be so; `problem`: why it is down. `total`: requests of http, else connections; it, and what follows
 * up to the bytes, are since the balancer's HAProxy began. `milliseconds`: from a request to the beginning of the answer, the mean of the last 1024.
 */
export const balancerServerNow = z.object({ backend: z.string(), address: z.string(), port: z.number().int(), health: z.enum(['up', 'down', 'draining']), since: z.string(), problem: z.string().nullable(), connections: z.number().int(), total: z.number().int(), failed: z.number().int(), errors5xx: z.number().int(), receivedBytes: z.number().int(), sentBytes: z.number().int(), milliseconds: z.number().int().nullable() })
export type BalancerServerNow = z.infer<typeof balancerServerNow>
/** `problem`: why it is not used, or that its end is near. */
export const balancerCertificateView = z.object({ id: z.string(), secret: z.string(), subject: z.string(), issuer: z.string(), names: z.array(z.string()), notAfter: z.string(), problem: z.string().nullable() })
/** `port` of a backend is the service's: its number, or its name where the service has none such. */
export const balancerDetail = balancerView.extend({ backends: z.array(z.object({ name: z.string(), service: z.string(), port: z.union([z.number().int(), z.string()]), servers: z.array(balancerServerView) })), certificates: z.array(balancerCertificateView) })
export type BalancerDetail = z.infer<typeof balancerDetail>

/** A request as the balancer's log has it; of tcp and udp without what http has. */
export const balancerLogLine = z.object({ time: z.string(), client: z.string(), listener: z.number().int(), rule: z.string().nullable(), backend: z.string().nullable(), server: z.string().nullable(), method: z.string().nullable(), host: z.string().nullable(), path: z.string().nullable(), status: z.number().int().nullable(), bytesIn: z.number().int(), bytesOut: z.number().int(), milliseconds: z.number(), termination: z.string() })
export type BalancerLogLine = z.infer<typeof balancerLogLine>
