import { z } from 'zod'
import { isIp, isSubnet } from '../shared/ip'

/**
 * What a balancer does, whoever asked for it: a Service of type LoadBalancer or an Ingress, compiled. Hosts are told this and nothing of
 * annotations. Every text here ends up in a configuration file or a command: the letters of each are bounded.
 */

const port = z.number().int().min(1).max(65535)
const seconds = (most: number) => z.number().min(0.1).max(most)
/** Names a backend or a rule within its balancer: in figures, logs and the runtime interface. */
export const partName = z.string().min(1).max(64).regex(/^[a-z0-9][a-z0-9_-]*$/)
/** A host's name as a request has it, in lower case: exact, or `*.` and a name for what is one label below it. */
export const ruleHost = z.string().min(1).max(253, 'must be at most 253 characters').regex(/^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, 'must be a name in lower case such as www.example.com, or *.example.com: no port')
/** A path without what a configuration file or a URL would read otherwise: RFC 3986's pchar and "/", no percent-encoded letters, and nothing that leads up or nowhere. */
export const rulePathValue = z
  .string()
  .min(1)
  .max(512, 'must be at most 512 characters')
  .regex(/^\/[A-Za-z0-9._~!$&'()*+,;=:@/-]*$/, 'must begin with "/" and consist of letters, digits and "._~!$&\'()*+,;=:@/-"')
  .refine((path) => !/\/(\/|\.{1,2}(\/|$))/.test(path), 'must not contain "//", "/./" or "/../": no client sends them so')
export const rulePath = z.object({ type: z.enum(['Prefix', 'Exact']), value: rulePathValue })
export const cookieName = z.string().min(1, 'must not be empty').max(64, 'must be at most 64 characters').regex(/^[A-Za-z0-9_-]+$/, 'must be letters, digits, "-" and "_"')

/** The first rule that fits decides, in this order: exact host before wildcard before any, exact path before prefix, longer before shorter. */
export const balancerRule = z.object({ id: partName, host: ruleHost.nullable(), path: rulePath.nullable(), backend: partName })
export type BalancerRule = z.infer<typeof balancerRule>

/**
 * A port of the balancer. `certificates` are ids of the tenant's certificates, the first for whoever names none that fits; for https alone.
 * `acceptProxy`: who connects speaks the PROXY protocol, version 1 or 2, and says so whom it speaks for.
 */
export const balancerListener = z.object({
  port,
  protocol: z.enum(['tcp', 'udp', 'http', 'https']),
  certificates: z.array(z.uuid()).max(50),
  rules: z.array(balancerRule).max(1000),
  /** For what fits no rule; null: 404, and for tcp and udp there is always one. */
  defaultBackend: partName.nullable(),
  /** Answers 308 with the same address on this port of https; null: does not. */
  redirectToHttps: port.nullable(),
  acceptProxy: z.boolean(),
})
export type BalancerListener = z.infer<typeof balancerListener>

export const balancerBackend = z.object({
  name: partName,
  mode: z.enum(['tcp', 'udp', 'http']),
  /** What is spoken with the pods of an http backend; gRPC is h2c. */
  protocol: z.enum(['http1', 'h2c']),
  sendProxy: z.boolean(),
  algorithm: z.enum(['roundrobin', 'leastconn', 'source']),
  /** The name of the cookie by which a client stays with a pod; null: none. */
  stickyCookie: cookieName.nullable(),
})
export type BalancerBackend = z.infer<typeof balancerBackend>

export const balancerOptions = z.object({
  connectSeconds: seconds(60),
  clientSeconds: seconds(86_400),
  serverSeconds: seconds(86_400),
  /** How long a request's headers may take: what a slow client costs at most. */
  requestSeconds: seconds(300),
  /** How long a connection may be silent that is passed through as it is: WebSocket, CONNECT, and TCP once both sides spoke. */
  tunnelSeconds: seconds(86_400),
  /** How long connections to a pod that left are let end by themselves. */
  drainSeconds: z.number().min(0).max(3600),
  maxConnections: z.number().int().min(1).max(100_000),
  /** Of a request's body; null: any. */
  maxBodyBytes: z.number().int().min(0).max(2 ** 40).nullable(),
  /** Requests (http) or connections (tcp) a second and client address, over ten seconds; null: any. */
  ratePerSecond: z.number().int().min(1).max(1_000_000).nullable(),
  /** Who may connect; null: everybody. */
  allow: z.array(z.string().max(49).refine(isSubnet)).max(256).nullable(),
  /** Of how many requests one is logged; null: none. */
  logOneOf: z.number().int().min(1).max(100_000).nullable(),
})
export type BalancerOptions = z.infer<typeof balancerOptions>

export const defaultOptions: BalancerOptions = { connectSeconds: 5, clientSeconds: 60, serverSeconds: 60, requestSeconds: 10, tunnelSeconds: 3600, drainSeconds: 30, maxConnections: 10_000, maxBodyBytes: null, ratePerSecond: null, allow: null, logOneOf: 1 }

export const balancerModel = z.object({
  listeners: z.array(balancerListener).min(1).max(100),
  backends: z.array(balancerBackend).max(200),
  options: balancerOptions,
})
export type BalancerModel = z.infer<typeof balancerModel>

/** A pod, or another address that is ready for a backend. `weight` 0: gets nothing new. */
export const balancerServer = z.object({ address: z.string().max(45).refine(isIp), port, weight: z.number().int().min(0).max(256) })
export type BalancerServer = z.infer<typeof balancerServer>
