import { VolumeError } from '../store'
import type { CephCommands } from './ceph-commands'
import { errno, isFailure } from './ceph-errors'
import { createdUsers } from './replies'

/** One in each pool: the rights of a user are of one pool, and another store may be in another one of the same cluster. */
export const tenantUser = (pool: string, namespace: string): string => `hypernetes-${pool}-${namespace}`

/**
 * What a VM's user may do: find the pool's daemons, and one RBD namespace, no other tenant's. It may not shut out anybody: who broke out of a VM could else cut off all others; for that reason the agent alone breaks the lock of a
 * dead owner. Of the monitors it may read less than with "allow r": not what the managers and file systems have for clients. Without "mon" it is given no map of the OSDs, and with that it may read the cluster's configuration. The rights of the manager and of file systems allow nothing: they are named because what the agent may give
 * can be bound only where it is said (docs/adr/0045).
 */
export const tenantRights = (pool: string, namespace: string): string[] => ['mon', 'allow service mon r, allow service osd r', 'mgr', 'allow service none r', 'mds', 'allow r path=/none', 'osd', `profile rbd pool=${pool} namespace=${namespace}`]

/** Makes the user where it is not there. @returns its key, in base64 */
export async function tenantKey(commands: CephCommands, pool: string, namespace: string): Promise<string> {
  const user = `client.${tenantUser(pool, namespace)}`
  const [made] = await commands.cephJson(createdUsers, ['auth', 'get-or-create', user, ...tenantRights(pool, namespace)]).catch((error: unknown) => {
    if (!isFailure(error, errno.invalid)) throw error
    throw new VolumeError('Unreachable', error.object, `The store ${error.object} has a user of this tenant's with other rights than it shall have. The operator has to remove it (ceph auth rm ${user}), or give it those of docs/adr/0045 (ceph auth caps); it is tried again.`, { cause: error })
  })
  return made.key
}
