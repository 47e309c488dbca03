/** What a role may do in a tenant: verbs on nouns. Later issues add roles; each is a list like these. */
export const permissions = [
  'pod.read', 'pod.create', 'pod.delete', 'pod.exec', 'pod.logs',
  'namespace.read', 'namespace.write',
  'network.read', 'network.write',
  'image.read', 'event.read', 'audit.read',
  'token.read', 'token.write',
] as const
export type Permission = (typeof permissions)[number]

const member: readonly Permission[] = permissions.filter((p) => p !== 'audit.read')
export const rolePermissions: Readonly<Record<'admin' | 'member', readonly Permission[]>> = { admin: permissions, member }
