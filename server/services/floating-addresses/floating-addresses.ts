import { z } from 'zod'
import { floatingAddressSpec, floatingTarget, type FloatingAddressSpec, type FloatingTarget } from '@/domain/floating-address/spec'
import { floatingAddressView, type FloatingAddressView } from '@/domain/floating-address/view'
import type { FloatingAddressManifest } from '@/domain/manifest/parse'
import { DomainError, notFound } from '@/domain/shared/errors'
import { familyOf } from '@/domain/shared/ip'
import { annotations, labels, type Labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { inTransaction, type Transaction } from '@/server/store/database'
import { findAddressOfPod, findFloatingAddress, releaseAddress, takeAddress, updateFloatingAddress, type FloatingAddressRow } from '@/server/store/floating-addresses'
import { recordAudit } from '@/server/store/records'
import type { ServerContext } from '../context'
import { canonicalJson, once } from '../idempotency'
import { checkRevision, holdTenant, nameTaken, refusedAt, requestId, resourceVersion, type Applied } from '../networks/object-lists'
import { toMetadata } from '../object-metadata'
import { floatingAddressReference, floatingAddressViewOf, holderOf } from './floating-address-view'

const emptySpec = floatingAddressSpec.parse({})
export const createFloatingAddressInput = floatingAddressReference.extend({ labels: labels.default({}), annotations: annotations.default({}), spec: floatingAddressSpec.default(emptySpec), requestId })
/**
 * What is left out stays. `target` alone moves the address, or takes it from whom it leads to (null). `spec` comes as a whole: without a target in it
 * the address leads nowhere; what it says of pool, family and address must be what the address has.
 */
export const updateFloatingAddressInput = floatingAddressReference.extend({ labels: labels.optional(), annotations: annotations.optional(), spec: floatingAddressSpec.optional(), target: floatingTarget.nullable().optional(), resourceVersion })

/** What the platform's settings say of addresses. */
type Settings = { floatingAddressQuota: number }

/** Takes an address. Where it leads to need not exist yet. */
export function createFloatingAddress(ctx: ServerContext, scope: Scope, input: z.output<typeof createFloatingAddressInput>): Promise<FloatingAddressView> {
  const { name, labels, annotations, spec, requestId } = input
  return inTransaction(ctx.db, (tx) => once(tx, scope, { requestId, procedure: 'floatingAddress.create', input, output: floatingAddressView }, async () => {
    await holdTenant(tx, scope)
    if (await isThere(tx, scope, name)) throw nameTaken('floating address', name)
    await applyFloatingAddress(tx, ctx.config, scope, { kind: 'FloatingAddress', metadata: { name, labels, annotations }, spec })
    await checkAddressOfPod(tx, scope, name)
    return floatingAddressViewOf(tx, scope, name)
  }), { repeatable: true })
}

/** One that is being let go of is told apart where its name is asked for again. */
async function isThere(tx: Transaction, scope: Scope, name: string): Promise<boolean> {
  const row = await findFloatingAddress(tx, scope, name)
  return row !== null && row.deletedAt === null
}

/** Changes where an address leads to, or what is said of it. It moves with the next answer of the hosts: the old one lets go before the new one answers. */
export function changeFloatingAddress(ctx: ServerContext, scope: Scope, input: z.output<typeof updateFloatingAddressInput>): Promise<FloatingAddressView> {
  return inTransaction(ctx.db, async (tx) => {
    await holdTenant(tx, scope)
    const row = await findFloatingAddress(tx, scope, input.name)
    if (!row) throw notFound('FloatingAddress', input.name)
    checkRevision('FloatingAddress', row, input.resourceVersion)
    const { labels, annotations } = toMetadata(row)
    const { target, ...rest } = input.spec ?? floatingAddressSpec.parse(row.spec)
    const now = input.target === undefined ? target : (input.target ?? undefined)
    await change(tx, scope, row, { labels: input.labels ?? labels, annotations: input.annotations ?? annotations, spec: now ? { ...rest, target: now } : rest })
    await checkAddressOfPod(tx, scope, input.name)
    return floatingAddressViewOf(tx, scope, input.name)
  }, { repeatable: true })
}

/** Takes an address, or changes where it leads to, as a manifest says it. The tenant is held. {@link checkAddressOfPod} is asked once all of them are so. */
export async function applyFloatingAddress(tx: Transaction, settings: Settings, scope: Scope, { metadata, spec }: FloatingAddressManifest): Promise<Applied> {
  const { name, labels, annotations } = metadata
  const existing = await findFloatingAddress(tx, scope, name)
  if (existing && !existing.deletedAt) return (await change(tx, scope, existing, { labels, annotations, spec })) ? 'configured' : 'unchanged'
  const given = await takeAddress(tx, scope.tenantId, { ...spec, name, labels, annotations, managed: false, defaultQuota: settings.floatingAddressQuota })
  if ('refusal' in given) throw refused(given.refusal)
  await recordAudit(tx, scope, { action: 'floatingAddress.create', kind: 'FloatingAddress', name, detail: `${given.taken.address}${spec.target ? ` to ${said(spec.target)}` : ''}` })
  return 'created'
}

/** A refusal stands at the field that asked. */
function refused({ reason, path, message }: { reason: string; path: string[]; message: string }): DomainError {
  if (path.length === 0) return new DomainError('failed_precondition', message)
  return new DomainError(reason === 'NameTaken' ? 'already_exists' : 'failed_precondition', message, { problems: [{ path: reason === 'NameTaken' ? 'name' : ['spec', ...path].join('.'), line: null, message }] })
}

const said = ({ kind, namespace, name }: FloatingTarget): string => `${kind} ${namespace}/${name}`

/** A pod has one address of each family: two would be two answers to whom its own connections come from. Asked when all that changes together has changed, for two may change places. */
export async function checkAddressOfPod(tx: Transaction, scope: Scope, name: string): Promise<void> {
  const row = await findFloatingAddress(tx, scope, name)
  const { target } = row ? floatingAddressSpec.parse(row.spec) : {}
  if (!row || target?.kind !== 'Pod') return
  const { uid, address } = row
  const other = await findAddressOfPod(tx, scope.tenantId, target, familyOf(address), uid)
  if (other) throw refusedAt('spec.target', `the pod "${target.name}" in namespace "${target.namespace}" has an IPv${familyOf(address)} address already, ${other.address} (the floating address "${other.name}"): let that one lead elsewhere first, or name another pod`)
}

/** Writes what differs; false when nothing does. */
async function change(tx: Transaction, scope: Scope, row: FloatingAddressRow, after: { labels: Labels; annotations: Labels; spec: FloatingAddressSpec }): Promise<boolean> {
  refuseLetGo(row)
  const before = floatingAddressSpec.parse(row.spec)
  refuseOtherAddress(row, after.spec)
  const { target, ...which } = { ...before, ...after.spec, target: after.spec.target }
  const spec: FloatingAddressSpec = target ? { ...which, target } : which
  const specChanged = canonicalJson(before) !== canonicalJson(spec)
  if (!specChanged && canonicalJson([row.labels, row.annotations]) === canonicalJson([after.labels, after.annotations])) return false
  refuseManaged(row, before, 'cannot be changed by hand')
  await updateFloatingAddress(tx, scope, row.uid, { labels: after.labels, annotations: after.annotations, spec, specChanged })
  await recordAudit(tx, scope, { action: 'floatingAddress.update', kind: 'FloatingAddress', name: row.name, detail: canonicalJson(before.target) === canonicalJson(target) ? '' : `${row.address} to ${target ? said(target) : 'nowhere'}` })
  return true
}

const letGoOf = ({ name, address, host }: FloatingAddressRow): string => `The floating address "${name}" (${address}) was given back, and ${host ? `the host "${host.name}"` : 'its host'} has not let go of it yet`

function refuseLetGo(row: FloatingAddressRow): void {
  if (row.deletedAt) throw new DomainError('failed_precondition', `${letGoOf(row)}: take another one.`)
}

function refuseManaged(row: FloatingAddressRow, { target }: FloatingAddressSpec, what: string): void {
  if (!row.managed) return
  const owner = target ?? holderOf(row)
  const whose = owner ? `the ${owner.kind} "${owner.name}" in namespace "${owner.namespace}"` : 'a load balancer'
  throw new DomainError('failed_precondition', `The floating address "${row.name}" (${row.address}) was taken for ${whose} and ${what}: it goes with it. To have an address that stays, take one yourself and let it lead there.`)
}

/** Which address it is stays for as long as the tenant has it: whoever wrote it down goes on. */
function refuseOtherAddress(row: FloatingAddressRow, { pool, family, address }: FloatingAddressSpec): void {
  const has = { pool: row.pool.name, address: row.address, family: `IPv${familyOf(row.address)}` }
  const remedy = 'which address it is never changes; take another one, let it lead there, and give this one back'
  for (const [field, written] of Object.entries({ pool, address, family } as const)) {
    const is = has[field === 'pool' || field === 'address' ? field : 'family']
    if (written !== undefined && written !== is) throw refusedAt(`spec.${field}`, `cannot change from ${is}: ${remedy}`)
  }
}

export function removeFloatingAddress(ctx: ServerContext, scope: Scope, { name }: z.output<typeof floatingAddressReference>): Promise<{ deleting: true }> {
  return inTransaction(ctx.db, (tx) => deleteFloatingAddressInTransaction(tx, scope, name), { repeatable: true })
}

/** Gives an address back: whom it led to is not reached by it any more, and nobody else gets it before its host has let go. */
export async function deleteFloatingAddressInTransaction(tx: Transaction, scope: Scope, name: string): Promise<{ deleting: true }> {
  await holdTenant(tx, scope)
  const row = await findFloatingAddress(tx, scope, name)
  if (!row) throw notFound('FloatingAddress', name)
  if (row.deletedAt) return { deleting: true }
  refuseManaged(row, floatingAddressSpec.parse(row.spec), 'cannot be given back by hand')
  await releaseAddress(tx, row.uid)
  await recordAudit(tx, scope, { action: 'floatingAddress.delete', kind: 'FloatingAddress', name, detail: row.address })
  return { deleting: true }
}
