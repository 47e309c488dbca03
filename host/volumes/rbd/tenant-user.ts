import type { CephCommands } from './ceph-commands'
import { createdUsers } from './replies'

/**
 * The user by which VMs of a tenant reach its images: one RBD namespace, no other tenant's. It may not shut out anybody: who broke out of a VM could else cut off all others. For
 * that reason the agent alone breaks the lock of a dead owner.
 */
export const tenantUser = (namespace: string): string => `hypernetes-${namespace}`

/** Makes the user where it is not there. @returns its key, in base64 */
export async function tenantKey(commands: CephCommands, pool: string, namespace: string): Promise<string> {
  const [made] = await commands.cephJson(createdUsers, ['auth', 'get-or-create', `client.${tenantUser(namespace)}`, 'mon', 'allow r', 'osd', `profile rbd pool=${pool} namespace=${namespace}`])
  return made.key
}
