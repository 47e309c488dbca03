import { z } from 'zod'
import { familyOf, formatIp, isIp, parseIp } from '../shared/ip'
import { dnsLabel, dnsSubdomain } from '../shared/names'

const ipText = z.string({ error: 'must be an IP address: quote it' }).refine(isIp, { error: 'must be an IP address', abort: true }).transform((text) => formatIp(parseIp(text)))

/** Whom an address leads to: a pod (all of its ports, both ways), a Service of type LoadBalancer, or an Ingress. */
export const floatingTarget = z.strictObject({
  kind: z.enum(['Pod', 'Service', 'Ingress'], { error: 'must be Pod, Service or Ingress' }),
  namespace: dnsLabel.default('default'),
  name: dnsSubdomain,
})
export type FloatingTarget = z.infer<typeof floatingTarget>

/**
 * An address of the outside that a tenant has until it gives it back. `address`: this one, where it is free; else the lowest free of the pool,
 * or of the default pool of its family (IPv4 where nothing says another). Which address it is never changes; `target` does: to move it, name another.
 */
export const floatingAddressSpec = z
  .strictObject({
    pool: dnsLabel.optional(),
    family: z.enum(['IPv4', 'IPv6'], { error: 'must be IPv4 or IPv6' }).optional(),
    address: ipText.optional(),
    target: floatingTarget.optional(),
  })
  .superRefine((spec, context) => {
    if (spec.address !== undefined && spec.family !== undefined && spec.family !== `IPv${familyOf(spec.address)}`) context.addIssue({ code: 'custom', path: ['family'], message: `must be IPv${familyOf(spec.address)}, as ${spec.address} is` })
  })
  .transform(({ family, ...spec }): typeof spec & { family?: 'IPv4' | 'IPv6' } => {
    const said = family ?? (spec.address === undefined ? undefined : (`IPv${familyOf(spec.address)}` as const))
    return said === undefined ? spec : { ...spec, family: said }
  })
export type FloatingAddressSpec = z.infer<typeof floatingAddressSpec>
