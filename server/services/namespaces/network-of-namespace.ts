import { namespaceSpec } from '@/domain/namespace/spec'
import { DomainError } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import { holdNamespace } from '@/server/store/configuration-objects'
import type { Database, Transaction } from '@/server/store/database'
import { findNamespace, listNamespaces } from '@/server/store/namespaces'
import { findNetwork, holdNetworkFor, type NetworkRow } from '@/server/store/networks'

export const networkNameOf = (spec: unknown): string => namespaceSpec.parse(spec).network ?? 'default'

/** The network of each namespace of the tenant, by the namespaces' names. */
export const networksByNamespace = async (db: Database, scope: Scope): Promise<Map<string, string>> => new Map((await listNamespaces(db, scope)).map((row) => [row.name, networkNameOf(row.spec)]))

/** The namespaces that use a network: those that name it, and for `default` those that name none. */
export const namespacesOfNetwork = async (db: Database, scope: Scope, network: string): Promise<string[]> => [...(await networksByNamespace(db, scope))].filter(([, name]) => name === network).map(([namespace]) => namespace)

/**
 * The network that a new object of a namespace lies in. Namespace and network stay there, and stay each other's, until the transaction
 * ends. `what` names the object for people.
 */
export async function holdNetworkOfNamespace(tx: Transaction, scope: Scope, namespace: string, what: string): Promise<NetworkRow> {
  await holdNamespace(tx, scope, namespace)
  const row = await findNamespace(tx, scope, namespace)
  if (!row) throw new DomainError('not_found', `Namespace "${namespace}" does not exist here: create it first.`, { problems: [{ path: 'metadata.namespace', line: null, message: `Namespace "${namespace}" does not exist here: create it first` }] })
  if (row.deletedAt) throw new DomainError('failed_precondition', `Namespace "${namespace}" is being deleted: create the ${what} in another one.`)
  const name = networkNameOf(row.spec)
  await holdNetworkFor(tx, scope, name)
  const network = await findNetwork(tx, scope, name)
  if (!network) throw new DomainError('failed_precondition', `Namespace "${namespace}" uses the network "${name}", which does not exist: create it first.`)
  return network
}
