import { z } from 'zod'
import { rulePathValue } from '../load-balancer/model'
import { portName, serviceName } from '../service/spec'
import { dnsSubdomain } from '../shared/names'

const portNumber = z.number({ error: 'must be a number' }).int().min(1, 'must be 1 to 65535').max(65535, 'must be 1 to 65535')
const servicePort = z.strictObject({ number: portNumber.optional(), name: portName.optional() }).refine(({ number, name }) => (number === undefined) !== (name === undefined), 'must have a number or a name, and not both')
const backend = z.strictObject({ service: z.strictObject({ name: serviceName, port: servicePort }) })
export type IngressBackend = z.infer<typeof backend>

/** ImplementationSpecific means Prefix here. */
const path = z.strictObject({
  path: rulePathValue.or(z.literal('')).default('/').transform((text) => text || '/'),
  pathType: z.enum(['Exact', 'Prefix', 'ImplementationSpecific'], { error: 'must be Exact, Prefix or ImplementationSpecific' }),
  backend,
})
/** An exact name, or one whose first label is `*`. Source: networking.k8s.io/v1, IngressRule. */
const host = z.string().max(253).regex(/^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, 'must be a name in lower case such as www.example.com, or *.example.com: no address, no port')
const rule = z.strictObject({ host: host.optional(), http: z.strictObject({ paths: z.array(path).min(1, 'must have a path').max(200, 'must be at most 200') }).optional() })
/** `secretName`: a Secret of type kubernetes.io/tls in the Ingress' namespace. */
const tls = z.strictObject({ hosts: z.array(host).max(100).default([]), secretName: dnsSubdomain })

/** An Ingress as networking.k8s.io/v1 writes it: one balancer for http, and for https where it has `tls`. What else it does stand in annotations: see domain/load-balancer/annotations.ts. */
export const ingressSpec = z
  .strictObject({
    ingressClassName: z.literal('hypernetes', { error: 'must be hypernetes, or be left out' }).optional(),
    defaultBackend: backend.optional(),
    rules: z.array(rule).max(100, 'must be at most 100').default([]),
    tls: z.array(tls).max(50, 'must be at most 50').default([]),
  })
  .superRefine((spec, context) => {
    if (!spec.defaultBackend && spec.rules.length === 0) context.addIssue({ code: 'custom', path: ['rules'], message: 'must have a rule, or the Ingress a defaultBackend' })
    const seen = new Map<string, string>()
    for (const [i, { host: name, http }] of spec.rules.entries()) {
      if (!http && !spec.defaultBackend) context.addIssue({ code: 'custom', path: ['rules', i, 'http'], message: 'is required, or the Ingress needs a defaultBackend' })
      for (const [j, { path: value, pathType }] of (http?.paths ?? []).entries()) {
        const key = `${name ?? '*'} ${pathType === 'Exact' ? 'Exact' : 'Prefix'} ${value}`
        const before = seen.get(key)
        if (before) context.addIssue({ code: 'custom', path: ['rules', i, 'http', 'paths', j, 'path'], message: `collides with ${before}: the same host, path and type` })
        else seen.set(key, `rules[${i}].http.paths[${j}]`)
      }
    }
  })
export type IngressSpec = z.infer<typeof ingressSpec>
