import { z } from 'zod'
import { addressPoolSpec, type AddressPoolSpec } from '@/domain/address-pool/spec'
import { addressPoolDetail, addressPoolView, type AddressPoolDetail, type AddressPoolView } from '@/domain/address-pool/view'
import { subnetCapacity } from '@/domain/network/spec'
import { DomainError, notFound, type Problem } from '@/domain/shared/errors'
import { familyOf } from '@/domain/shared/ip'
import { annotations, dnsLabel, labels } from '@/domain/shared/names'
import type { Actor } from '@/server/auth/scope'
import { addressesOutside, countNetworksMeeting, deleteAddressPool, findAddressPool, holdAddressPool, holdPools, insertAddressPool, listAddressPools, listPooledAddresses, updateAddressPool, type AddressPoolRow } from '@/server/store/address-pools'
import { inTransaction, isLockTimeout, type Database, type DatabaseClient, type Transaction } from '@/server/store/database'
import { rangesOf } from '@/server/store/lowest-free'
import { recordAccountAudit } from '@/server/store/users'
import type { ServerContext } from '../context'
import { holderOf } from '../floating-addresses/floating-address-view'
import { canonicalJson, ofPlatform, once } from '../idempotency'
import { checkRevision, nameTaken, requestId, resourceVersion } from '../networks/object-lists'
import { toMetadata } from '../object-metadata'
import { problemsOfPool, problemsOfPoolChange } from './pool-checks'

export const addressPoolReference = z.object({ name: dnsLabel })
export const createAddressPoolInput = addressPoolReference.extend({ labels: labels.default({}), annotations: annotations.default({}), spec: addressPoolSpec, requestId })
/** What is left out stays; `spec` comes as a whole. */
export const updateAddressPoolInput = addressPoolReference.extend({ labels: labels.optional(), annotations: annotations.optional(), spec: addressPoolSpec.optional(), resourceVersion })
export const listAddressPoolsOutput = z.object({ items: z.array(addressPoolView) })

/** Each host carries all pools. */
const maxPools = 64
/** So many of a pool's addresses are shown with whom they belong to. */
const maxShown = 1000

function toView(row: AddressPoolRow): AddressPoolView {
  const spec = addressPoolSpec.parse(row.spec)
  return {
    metadata: toMetadata(row),
    spec,
    status: { family: `IPv${familyOf(spec.subnet.cidr)}`, addressesUsed: row._count.addresses, addressesTotal: subnetCapacity(spec.subnet) },
  }
}

export const listAddressPoolViews = async (ctx: ServerContext): Promise<z.output<typeof listAddressPoolsOutput>> => ({ items: (await listAddressPools(ctx.db)).map(toView) })

/** A pool with whose its addresses are, the lowest thousand of them. */
export async function getAddressPool(ctx: ServerContext, { name }: z.output<typeof addressPoolReference>): Promise<AddressPoolDetail> {
  const row = await findAddressPool(ctx.db, name)
  if (!row) throw notFound('AddressPool', name)
  const rows = await listPooledAddresses(ctx.db, row.uid, maxShown)
  return addressPoolDetail.parse({ ...toView(row), addresses: rows.map((one) => ({ address: one.address, tenant: one.tenant, name: one.name, holder: holderOf(one), host: one.host?.name ?? null })) })
}

async function viewOf(db: Database, name: string): Promise<AddressPoolView> {
  const row = await findAddressPool(db, name)
  if (!row) throw notFound('AddressPool', name)
  return toView(row)
}

const audit = (tx: Transaction, actor: Actor, verb: string, name: string, detail: string) => recordAccountAudit(tx, { actorId: actor.userId, actor: actor.email, action: `addressPool.${verb}`, kind: 'AddressPool', name, detail })

const maxDetail = 1000
/** What a pool gives, in one line for the audit. */
function said({ subnet, default: usual }: AddressPoolSpec): string {
  const text = `${subnet.cidr} by ${subnet.gateway}, ${rangesOf(subnet).map(({ first, last }) => `${first}-${last}`).join(' ')}${usual ? ', usual' : ''}`
  return text.length > maxDetail ? `${text.slice(0, maxDetail - 1)}…` : text
}

/** A tenant's manifest may take addresses and change networks for seconds; who waits for it here holds up everybody who changes a network. */
const maxWaitMs = 1_500

async function onPools<T>(db: DatabaseClient, work: (tx: Transaction) => Promise<T>): Promise<T> {
  try {
    return await inTransaction(db, work, { repeatable: true })
  } catch (error) {
    if (isLockTimeout(error)) throw new DomainError('unavailable', 'Tenants are changing networks or taking addresses just now, and nothing was changed: try again in some seconds.', { cause: error })
    throw error
  }
}

export function createAddressPool(ctx: ServerContext, actor: Actor, input: z.output<typeof createAddressPoolInput>): Promise<AddressPoolView> {
  const { name, requestId, ...written } = input
  return onPools(ctx.db, (tx) => once(tx, ofPlatform(actor), { requestId, procedure: 'addressPool.create', input, output: addressPoolView }, async () => {
    await holdPools(tx, maxWaitMs)
    const pools = await listAddressPools(tx)
    if (pools.some((one) => one.name === name)) throw nameTaken('pool of addresses', name)
    if (pools.length >= maxPools) throw new DomainError('failed_precondition', `There are ${maxPools} pools of addresses, which is the limit: delete one that is not needed.`)
    refuse(name, await checkPool(tx, name, written.spec))
    await insertAddressPool(tx, name, written)
    await audit(tx, actor, 'create', name, said(written.spec))
    return viewOf(tx, name)
  }))
}

/** What is wrong with a pool beside everything that there is. Pools are held. */
export async function checkPool(tx: Transaction, name: string, spec: AddressPoolSpec): Promise<Problem[]> {
  const others = (await listAddressPools(tx)).filter((one) => one.name !== name).map((one) => ({ name: one.name, cidr: addressPoolSpec.parse(one.spec).subnet.cidr, default: one.isDefault }))
  return problemsOfPool(spec, { others, networks: await countNetworksMeeting(tx, spec.subnet.cidr) })
}

function refuse(name: string, problems: Problem[]): void {
  if (problems.length > 0) throw new DomainError('failed_precondition', `The pool "${name}" cannot be so:\n${problems.map(({ path, message }) => `${path}: ${message}`).join('\n')}`, { problems })
}

export function changeAddressPool(ctx: ServerContext, actor: Actor, input: z.output<typeof updateAddressPoolInput>): Promise<AddressPoolView> {
  const { name } = input
  return onPools(ctx.db, async (tx) => {
    await holdPools(tx, maxWaitMs)
    await holdAddressPool(tx, name)
    const row = await findAddressPool(tx, name)
    if (!row) throw notFound('AddressPool', name)
    checkRevision('AddressPool', row, input.resourceVersion)
    const before = addressPoolSpec.parse(row.spec)
    const { labels, annotations } = toMetadata(row)
    const after = { labels: input.labels ?? labels, annotations: input.annotations ?? annotations, spec: input.spec ?? before }
    const specChanged = canonicalJson(before) !== canonicalJson(after.spec)
    if (!specChanged && canonicalJson([labels, annotations]) === canonicalJson([after.labels, after.annotations])) return viewOf(tx, name)
    if (specChanged) refuse(name, [...problemsOfPoolChange(before, after.spec, { addresses: row._count.addresses, outside: await addressesOutside(tx, row.uid, rangesOf(after.spec.subnet)) }), ...(await checkPool(tx, name, after.spec))])
    await updateAddressPool(tx, row.uid, { ...after, specChanged })
    await audit(tx, actor, 'update', name, specChanged ? `${said(before)} to ${said(after.spec)}` : '')
    return viewOf(tx, name)
  })
}

/** Deletes a pool of which no tenant has an address. */
export function removeAddressPool(ctx: ServerContext, actor: Actor, { name }: z.output<typeof addressPoolReference>): Promise<{ deleting: true }> {
  return onPools(ctx.db, async (tx) => {
    await holdPools(tx, maxWaitMs)
    await holdAddressPool(tx, name)
    const row = await findAddressPool(tx, name)
    if (!row) throw notFound('AddressPool', name)
    const used = row._count.addresses
    if (used > 0) throw new DomainError('failed_precondition', `The pool "${name}" cannot be deleted: tenants have ${used === 1 ? '1 address' : `${used} addresses`} of it, which they must give back first.`)
    await deleteAddressPool(tx, row.uid)
    await audit(tx, actor, 'delete', name, said(addressPoolSpec.parse(row.spec)))
    return { deleting: true as const }
  })
}
