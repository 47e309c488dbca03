import { z } from 'zod'
import { argument, text, wholeNumber } from './fields'

/** Kubernetes' handlers of probes and lifecycle hooks, and the probes with Kubernetes' defaults (core/v1 types.go, defaults.go). */
const portName = z.string().regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/).max(15)
const portReference = z.union([wholeNumber(1, 65535), portName], { error: 'must be a port (1 to 65535) or the name of one of the container\'s ports' })
/** A probe reaches the pod's own machine only. */
const ownHost = z.enum(['', 'localhost', '127.0.0.1', '::1'], { error: 'must be left out: a probe reaches the pod itself only' }).default('')

const execAction = z.strictObject({ command: z.array(argument).min(1, 'must name a program').max(1024) })
const httpGetAction = z.strictObject({
  path: text.max(4096).default('/'),
  port: portReference,
  host: ownHost,
  scheme: z.enum(['HTTP', 'HTTPS'], { error: 'must be HTTP or HTTPS' }).default('HTTP'),
  httpHeaders: z.array(z.strictObject({ name: z.string().regex(/^[-A-Za-z0-9]+$/, 'must be letters, digits and "-"').max(256), value: text.max(8192).regex(/^[^\r\n\0]*$/, 'must be one line') })).max(50).default([]),
})
const tcpSocketAction = z.strictObject({ port: portReference, host: ownHost })
const grpcAction = z.strictObject({ port: wholeNumber(1, 65535), service: text.max(253).default('') })
const sleepAction = z.strictObject({ seconds: wholeNumber(0, 3600) })

const probeHandlers = { exec: execAction.optional(), httpGet: httpGetAction.optional(), tcpSocket: tcpSocketAction.optional(), grpc: grpcAction.optional() }
const hookHandlers = { exec: execAction.optional(), httpGet: httpGetAction.optional(), tcpSocket: tcpSocketAction.optional(), sleep: sleepAction.optional() }
const exactlyOne = (names: readonly string[]) => (value: Record<string, unknown>, context: z.RefinementCtx) => {
  const given = names.filter((name) => value[name] !== undefined)
  if (given.length !== 1) context.addIssue({ code: 'custom', message: `must have exactly one of ${names.join(', ')}${given.length > 1 ? `, not ${given.join(' and ')}` : ''}` })
}

const probeTimes = {
  initialDelaySeconds: wholeNumber(0, 86_400).default(0),
  timeoutSeconds: wholeNumber(1, 3600).default(1),
  periodSeconds: wholeNumber(1, 86_400).default(10),
  successThreshold: wholeNumber(1, 100).default(1),
  failureThreshold: wholeNumber(1, 1000).default(3),
  terminationGracePeriodSeconds: wholeNumber(1, 3600).optional(),
}
const anyProbe = z.strictObject({ ...probeHandlers, ...probeTimes }).superRefine(exactlyOne(Object.keys(probeHandlers)))
export const readinessProbe = anyProbe.superRefine((p, context) => {
  if (p.terminationGracePeriodSeconds !== undefined) context.addIssue({ code: 'custom', path: ['terminationGracePeriodSeconds'], message: 'has no meaning for a readiness probe: remove it' })
})
/** A liveness or startup probe ends the container, so one success has to do. */
export const endingProbe = anyProbe.superRefine((p, context) => {
  if (p.successThreshold !== 1) context.addIssue({ code: 'custom', path: ['successThreshold'], message: 'must be 1 for liveness and startup probes' })
})
export const lifecycle = z.strictObject({
  postStart: z.strictObject(hookHandlers).superRefine(exactlyOne(Object.keys(hookHandlers))).optional(),
  preStop: z.strictObject(hookHandlers).superRefine(exactlyOne(Object.keys(hookHandlers))).optional(),
})

export type Probe = z.infer<typeof anyProbe>
export type HttpGetAction = z.infer<typeof httpGetAction>
export type GrpcAction = z.infer<typeof grpcAction>
export type LifecycleHandler = NonNullable<z.infer<typeof lifecycle>['postStart']>

/** The number of a port that a handler names: itself, or that of the container's port of this name. */
export function resolvePort(port: number | string, ports: readonly { name?: string | undefined; containerPort: number }[]): number | null {
  return typeof port === 'number' ? port : (ports.find((p) => p.name === port)?.containerPort ?? null)
}
