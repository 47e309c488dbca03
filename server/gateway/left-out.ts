import type { NetworkState } from '@/domain/network/state'
import type { LeftOut } from '@/server/drivers/native/network/objects'
import { maxTargets } from '@/server/drivers/native/network/services'
import { findConditionStatus, setConditionIfThere } from '@/server/store/conditions'
import { inTransaction, type DatabaseClient } from '@/server/store/database'

const maxNamed = 5
const listed = (names: readonly string[]): string => `${names.slice(0, maxNamed).join(', ')}${names.length > maxNamed ? ` and ${names.length - maxNamed} others` : ''}`

/** What people are told where a network has more than its hosts carry out; null where all of it is. `misshapen`: the keys of objects that no host would take. Pure. */
export function leftOutMessage({ network }: Pick<NetworkState, 'network'>, { rules, policies, pods, services, shortened = [], misshapen = [] }: LeftOut & { misshapen?: readonly string[] }): string | null {
  const sentences = [
    ...(rules > 0 ? [`The groups and policies of network "${network.name}" name too many pods or ports, together or one of them: at least ${rules} of their rules are left out and let nothing through, of ${listed(policies)}. Use fewer rules, smaller groups, subnets in place of groups, or numbers in place of ports' names.`] : []),
    ...(pods > 0 ? [`The pods of a NetworkPolicy mean too many different ports by one name: for ${pods} of them the name means none. Write the port's number, or use the same port in all of them.`] : []),
    ...(services.length > 0 ? [`The services of network "${network.name}" have too many endpoints together: ${listed(services.map(({ namespace, name }) => `${namespace}/${name}`))} have none. Use fewer ports or pods a service, or a network more.`] : []),
    ...(shortened.length > 0 ? [`A port of a service has ${maxTargets} endpoints at most, a pod of two addresses being two: of ${listed(shortened.map(({ namespace, name }) => `${namespace}/${name}`))} the rest gets no connections. Use more services with fewer pods each.`] : []),
    ...(misshapen.length > 0 ? [`Hosts cannot be told of ${listed(misshapen)}: a policy of these lets nothing through, the others are missing on hosts. Make them smaller or write them anew, and tell the operator.`] : []),
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
