import { z } from 'zod'
import { maxOf } from '@/domain/network/limits'
import { DomainError, invalidInput } from '@/domain/shared/errors'
import { parseLabelSelector } from '@/domain/shared/label-selector'
import { dnsLabel } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { holdConfigurationOf } from '@/server/store/configuration-objects'
import type { Database, Transaction } from '@/server/store/database'
import { findNetwork } from '@/server/store/networks'
import { countObjects, pageObjects, pageSorts, type PagedKind, type PageQuery } from '@/server/store/object-pages'
import { namespacesOfNetwork } from '../namespaces/network-of-namespace'

/** What the lists of services, groups, policies and peerings have in common. `network`: those of one network. */
export const listObjectsInput = z.object({
  network: dnsLabel.optional(),
  search: z.string().max(100).optional(),
  labelSelector: z.string().max(1000).optional(),
  sort: z.enum(pageSorts).default('name'),
  descending: z.boolean().default(false),
  limit: z.number().int().min(1).max(500).default(50),
  cursor: z.string().max(1000).optional(),
})
export const listNamespacedInput = listObjectsInput.extend({ namespace: dnsLabel.optional() })
export const pageOf = <S extends z.ZodType>(item: S) => z.object({ items: z.array(item), nextCursor: z.string().nullable(), total: z.number().int() })

const pageCursor = z.object({ value: z.string().max(300), uid: z.uuid() })

function decodeCursor(text: string): z.output<typeof pageCursor> {
  try {
    return pageCursor.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')))
  } catch {
    throw invalidInput([{ path: 'cursor', line: null, message: 'is not a cursor of this list: begin again without one' }])
  }
}

/** One page of objects, by uid. */
export async function listPage(db: Database, scope: Scope, kind: PagedKind, { network, search, labelSelector, cursor, ...input }: z.output<typeof listNamespacedInput> & Pick<PageQuery, 'deleted' | 'phases' | 'snapshots' | 'madeOf'>): Promise<{ uids: string[]; total: number; nextCursor: string | null }> {
  const selector = parseLabelSelector(labelSelector ?? '')
  if (!selector) throw invalidInput([{ path: 'labelSelector', line: null, message: 'is not a label selector, such as app=web,tier!=db' }])
  const row = network === undefined ? null : await findNetwork(db, scope, network)
  if (network !== undefined && !row) return { uids: [], total: 0, nextCursor: null }
  const namespaces = network === undefined ? undefined : await namespacesOfNetwork(db, scope, network)
  const { uids, total, next } = await pageObjects(db, scope, kind, { ...input, networkId: row?.uid, namespaces, search: search?.trim() || undefined, selector, after: cursor ? decodeCursor(cursor) : undefined })
  return { uids, total, nextCursor: next ? Buffer.from(JSON.stringify(next)).toString('base64url') : null }
}

/**
 * Lets one transaction at a time create and change objects of the tenant's networks, so that limits hold and no two wait for each other.
 * Taken before anything else is held.
 */
export const holdTenant = holdConfigurationOf

/** Refuses one more object of a kind than a tenant may have. Of floating addresses, volumes and snapshots it has a quota. */
export async function admitOneMore(tx: Transaction, scope: Scope, kind: Exclude<PagedKind, 'FloatingAddress' | 'LoadBalancer' | 'Volume' | 'VolumeSnapshot'>): Promise<void> {
  if ((await countObjects(tx, scope, kind)) >= maxOf[kind]) throw new DomainError('failed_precondition', `The tenant has ${maxOf[kind]} objects of kind ${kind}, which is its limit: delete some that are not needed.`)
}

export const nameTaken = (kind: string, name: string, namespace?: string): DomainError =>
  new DomainError('already_exists', `A ${kind} "${name}" exists${namespace === undefined ? '' : ` in namespace "${namespace}"`}: choose another name.`, { problems: [{ path: 'name', line: null, message: 'is taken' }] })

/** Refuses an update of an object that somebody else changed since it was read. */
export function checkRevision(kind: string, row: { name: string; revision: bigint }, resourceVersion: string | undefined): void {
  if (resourceVersion !== undefined && resourceVersion !== String(row.revision)) throw new DomainError('conflict', `${kind} "${row.name}" was changed meanwhile: read it again, and make your change there.`)
}

/** An error that stands at one field. */
export const refusedAt = (path: string, message: string, code: 'failed_precondition' | 'invalid_input' = 'failed_precondition'): DomainError => new DomainError(code, `${path}: ${message}`, { problems: [{ path, line: null, message }] })
export const requestId = z.string().min(1).max(128).optional()
export const resourceVersion = z.string().max(64).optional()
export const deleting = z.object({ deleting: z.literal(true) })
export type Applied = 'created' | 'configured' | 'unchanged'
