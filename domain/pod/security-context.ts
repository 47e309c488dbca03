import { z } from 'zod'
import { integerId, text } from './fields'

/** Kubernetes' securityContext. All of it holds inside the pod's own virtual machine: privileged means privileged there. */
const seccompProfile = z.strictObject({ type: z.enum(['RuntimeDefault', 'Unconfined'], { error: 'must be RuntimeDefault or Unconfined (Localhost is not carried out)' }) })
const capability = z.string().regex(/^(ALL|(CAP_)?[A-Z][A-Z_]{1,40})$/, 'must be a capability such as NET_ADMIN, or ALL').transform((c) => c.replace(/^CAP_/, ''))
const users = { runAsUser: integerId.optional(), runAsGroup: integerId.optional(), runAsNonRoot: z.boolean().optional(), seccompProfile: seccompProfile.optional() }

export const containerSecurityContext = z
  .strictObject({
    ...users,
    readOnlyRootFilesystem: z.boolean().default(false),
    allowPrivilegeEscalation: z.boolean().optional(),
    privileged: z.boolean().default(false),
    capabilities: z.strictObject({ add: z.array(capability).max(64).default([]), drop: z.array(capability).max(64).default([]) }).optional(),
  })
  .superRefine((c, context) => {
    if (c.privileged && c.allowPrivilegeEscalation === false) context.addIssue({ code: 'custom', path: ['allowPrivilegeEscalation'], message: 'cannot be false for a privileged container' })
  })

const sysctlName = text.max(253).regex(/^(kernel|net|fs|vm)([./][a-zA-Z0-9_-]+)+$/, 'must be a name such as net.core.somaxconn (kernel, net, fs or vm)')
export const podSecurityContext = z.strictObject({
  ...users,
  fsGroup: integerId.optional(),
  fsGroupChangePolicy: z.enum(['Always', 'OnRootMismatch']).optional(),
  supplementalGroups: z.array(integerId).max(64).default([]),
  sysctls: z.array(z.strictObject({ name: sysctlName, value: text.max(1024).regex(/^[^\0\n]*$/, 'must be one line') })).max(100).default([]),
})
export type ContainerSecurityContext = z.infer<typeof containerSecurityContext>
export type PodSecurityContext = z.infer<typeof podSecurityContext>
