import { z } from 'zod'
import { maxConfigurationObjects } from '@/domain/config-map/content'
import { DomainError, invalidInput } from '@/domain/shared/errors'
import { parseLabelSelector } from '@/domain/shared/label-selector'
import { dnsLabel } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { countConfiguration, holdConfigurationOf, holdNamespace, pageConfiguration, type ConfigurationKind, type ConfigurationRow } from '@/server/store/configuration-objects'
import type { Database, Transaction } from '@/server/store/database'
import { toMetadata } from '../object-metadata'

/** What the lists of ConfigMaps and of Secrets have in common. */
export const listConfigurationInput = z.object({
  namespace: dnsLabel.optional(),
  search: z.string().max(100).optional(),
  labelSelector: z.string().max(1000).optional(),
  sort: z.enum(['name', 'namespace', 'size', 'created']).default('name'),
  descending: z.boolean().default(false),
  limit: z.number().int().min(1).max(500).default(50),
  cursor: z.string().max(1000).optional(),
})

const pageCursor = z.object({ value: z.string(), uid: z.uuid() })

function decodeCursor(text: string): z.output<typeof pageCursor> {
  try {
    return pageCursor.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')))
  } catch {
    throw invalidInput([{ path: 'cursor', line: null, message: 'is not a cursor of this list: begin again without one' }])
  }
}

type Input = Omit<z.output<typeof listConfigurationInput>, 'sort'> & { sort: z.output<typeof listConfigurationInput>['sort'] | 'type'; type?: string | undefined }

/** One page of objects without their values. */
export async function listConfiguration(db: Database, scope: Scope, kind: ConfigurationKind, { search, labelSelector, cursor, ...input }: Input): Promise<{ rows: ConfigurationRow[]; total: number; nextCursor: string | null }> {
  const selector = parseLabelSelector(labelSelector ?? '')
  if (!selector) throw invalidInput([{ path: 'labelSelector', line: null, message: 'is not a label selector, such as app=web,tier!=db' }])
  const { rows, total, next } = await pageConfiguration(db, scope, kind, { ...input, search: search?.trim() || undefined, selector, after: cursor ? decodeCursor(cursor) : undefined })
  return { rows, total, nextCursor: next ? Buffer.from(JSON.stringify(next)).toString('base64url') : null }
}

/** The part of a view that a list shows. */
export const toSummary = ({ immutable, bytes, keyCount, keys, pods, ...row }: ConfigurationRow) => ({ metadata: { ...toMetadata(row), namespace: row.namespace }, immutable, bytes, keyCount, keys, pods })

/** Refuses an object in a namespace that is not there or goes, and one beyond the tenant's number. */
export async function admitConfiguration(tx: Transaction, scope: Scope, kind: ConfigurationKind, namespace: string): Promise<void> {
  await holdConfigurationOf(tx, scope)
  const held = await holdNamespace(tx, scope, namespace)
  if (!held) throw new DomainError('not_found', `Namespace "${namespace}" does not exist here: create it first.`, { problems: [{ path: 'metadata.namespace', line: null, message: `"${namespace}" does not exist: create the namespace first` }] })
  if (held.deletedAt) throw new DomainError('failed_precondition', `Namespace "${namespace}" is being deleted: create the ${kind} in another one.`)
  if ((await countConfiguration(tx, scope, kind)) >= maxConfigurationObjects) throw new DomainError('failed_precondition', `The tenant has ${maxConfigurationObjects} ${kind}s, which is its limit: delete some that no pod uses.`)
}

export const nameTaken = (kind: ConfigurationKind, namespace: string, name: string): DomainError =>
  new DomainError('already_exists', `A ${kind} "${name}" exists in namespace "${namespace}": choose another name.`, { problems: [{ path: 'name', line: null, message: 'is taken' }] })

/** What an object that says `immutable: true` refuses, with the field that would change. */
export const immutableProblem = (kind: ConfigurationKind, name: string, path: string): DomainError =>
  new DomainError('failed_precondition', `${kind} "${name}" is immutable: create another one and name that in the pods, or delete it and create it anew.`, { problems: [{ path, line: null, message: `cannot change: the ${kind} is immutable` }] })

/** Refuses an update of an object that somebody else changed since it was read. */
export function checkRevision(kind: ConfigurationKind, row: { name: string; revision: bigint }, resourceVersion: string | undefined): void {
  if (resourceVersion !== undefined && resourceVersion !== String(row.revision)) throw new DomainError('conflict', `${kind} "${row.name}" was changed meanwhile: read it again, and make your change there.`)
}
