/** What a role may do in a tenant: verbs on nouns. Later issues add roles; each is a list like these. */
export const permissions = [
  'pod.read', 'pod.create', 'pod.delete', 'pod.exec', 'pod.logs',
  'namespace.read', 'namespace.write',
  'network.read', 'network.write',
  'service.read', 'service.write',
  'securityGroup.read', 'securityGroup.write',
  'floatingAddress.read', 'floatingAddress.write',
  'volume.read', 'volume.write',
  'configMap.read', 'configMap.write',
  'secret.read', 'secret.write', 'secret.reveal',
  'image.read', 'image.write', 'event.read', 'audit.read',
  'token.read', 'token.write',
] as const
export type Permission = (typeof permissions)[number]

/** What an admin alone may do. A member writes Secrets and runs pods with them, and does not read their values here. */
const ofAdmins: readonly Permission[] = ['audit.read', 'secret.reveal']
const member: readonly Permission[] = permissions.filter((p) => !ofAdmins.includes(p))
export const rolePermissions: Readonly<Record<'admin' | 'member', readonly Permission[]>> = { admin: permissions, member }
