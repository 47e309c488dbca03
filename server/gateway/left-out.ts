import type { NetworkState } from '@/domain/network/state'
import type { LeftOut } from '@/server/drivers/native/network/objects'
import { findConditionStatus, setConditionIfThere } from '@/server/store/conditions'
import { inTransaction, type DatabaseClient } from '@/server/store/database'

const maxNamed = 5

/** What people are told where a network has more than its hosts carry out; null where all of it is. Pure. */
export function leftOutMessage({ network }: Pick<NetworkState, 'network'>, { rules, pods, services }: LeftOut): string | null {
  const named = services.slice(0, maxNamed).map(({ namespace, name }) => `${namespace}/${name}`).join(', ')
  const more = services.length > maxNamed ? ` and ${services.length - maxNamed} others` : ''
  const sentences = [
    ...(rules > 0 ? [`The groups and policies of network "${network.name}" name too many pods together: ${rules} of their rules are left out and let nothing through. Use fewer rules, smaller groups, or subnets in place of groups.`] : []),
    ...(pods > 0 ? [`The pods of a NetworkPolicy mean too many different ports by one name: for ${pods} of them the name means none. Write the port's number, or use the same port in all of them.`] : []),
    ...(services.length > 0 ? [`The services of network "${network.name}" have too many endpoints together: ${named}${more} have none. Use fewer ports or pods a service, or a network more.`] : []),
  ]
  return sentences.length > 0 ? sentences.join(' ') : null
}

/** Says it of a network, and that it is over, once it is. Networks of which all was always carried out have no such condition. */
export async function tellLeftOut(db: DatabaseClient, networkId: string, message: string | null): Promise<void> {
  const about = { objectUid: networkId, objectKind: 'Network' as const, type: 'ObjectsComplete', observedGeneration: 1 }
  if (message === null && (await findConditionStatus(db, networkId, about.type)) !== 'False') return
  const verdict = message === null ? { status: 'True' as const, reason: 'AllCarriedOut', message: 'Hosts carry out all that is in the network.' } : { status: 'False' as const, reason: 'TooLarge', message }
  await inTransaction(db, (tx) => setConditionIfThere(tx, { ...about, ...verdict }))
}
