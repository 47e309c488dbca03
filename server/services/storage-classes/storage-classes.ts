import { z } from 'zod'
import { DomainError, invalidInput, notFound, type Problem } from '@/domain/shared/errors'
import { annotations, dnsLabel, labels } from '@/domain/shared/names'
import { storageClassSpec, type StorageClassSpec } from '@/domain/storage-class/spec'
import { storageClassView, type StorageClassView } from '@/domain/storage-class/view'
import { isShared, volumeStoreSpec } from '@/domain/volume-store/spec'
import type { Actor } from '@/server/auth/scope'
import type { Database, Transaction } from '@/server/store/database'
import { countStorageClasses, deleteStorageClass, findStorageClass, holdStorageClass, insertStorageClass, listStorageClasses, updateStorageClass, type StorageClassRow } from '@/server/store/storage-classes'
import { recordAccountAudit } from '@/server/store/users'
import { findVolumeStore } from '@/server/store/volume-stores'
import type { ServerContext } from '../context'
import { canonicalJson, ofPlatform, once } from '../idempotency'
import { checkRevision, nameTaken, requestId, resourceVersion } from '../networks/object-lists'
import { toMetadata } from '../object-metadata'
import { onStores } from '../volume-stores/on-stores'

export const storageClassReference = z.object({ name: dnsLabel })
export const createStorageClassInput = storageClassReference.extend({ labels: labels.default({}), annotations: annotations.default({}), spec: storageClassSpec, requestId })
/** What is left out stays; `spec` comes as a whole. */
export const updateStorageClassInput = storageClassReference.extend({ labels: labels.optional(), annotations: annotations.optional(), spec: storageClassSpec.optional(), resourceVersion })
export const listStorageClassesOutput = z.object({ items: z.array(storageClassView) })

const maxClasses = 200

const isOperator = ({ operator, kind }: Actor): boolean => operator && kind === 'session'

/** How many volumes of it there are is the operators' to know. */
function toView(row: StorageClassRow, actor: Actor): StorageClassView {
  const store = volumeStoreSpec.parse(row.store.spec)
  return { metadata: toMetadata(row), spec: storageClassSpec.parse(row.spec), status: { storeKind: store.kind, shared: isShared(store), volumes: isOperator(actor) ? row._count.volumes : null } }
}

export const listStorageClassViews = async ({ db }: ServerContext, actor: Actor): Promise<z.output<typeof listStorageClassesOutput>> => ({ items: (await listStorageClasses(db)).map((row) => toView(row, actor)) })

export async function getStorageClass(db: Database, actor: Actor, { name }: z.output<typeof storageClassReference>): Promise<StorageClassView> {
  const row = await findStorageClass(db, name)
  if (!row) throw notFound('StorageClass', name)
  return toView(row, actor)
}

const audit = (tx: Transaction, actor: Actor, verb: string, name: string, detail: string) => recordAccountAudit(tx, { actorId: actor.userId, actor: actor.email, action: `storageClass.${verb}`, kind: 'StorageClass', name, detail })
const said = (spec: StorageClassSpec): string => `in ${spec.store}, ${spec.fsType}, ${spec.volumeBindingMode}, ${spec.reclaimPolicy}${spec.default ? ', usual' : ''}`
const at = (path: string, message: string): Problem => ({ path, line: null, message })

/** The store that it names, and what is wrong with it beside the other classes. */
async function checkClass(tx: Transaction, name: string, spec: StorageClassSpec): Promise<{ storeId: string; problems: Problem[] }> {
  const store = await findVolumeStore(tx, spec.store)
  const usual = spec.default ? (await listStorageClasses(tx)).find((one) => one.isDefault && one.name !== name) : undefined
  const problems = [
    ...(store ? [] : [at('spec.store', `no store of volumes has the name "${spec.store}"`)]),
    ...(usual ? [at('spec.default', `is what the class "${usual.name}" is: set it to false there first`)] : []),
  ]
  return { storeId: store?.uid ?? '', problems }
}

function refuse(problems: Problem[]): void {
  if (problems.length > 0) throw invalidInput(problems)
}

export function createStorageClass(ctx: ServerContext, actor: Actor, input: z.output<typeof createStorageClassInput>): Promise<StorageClassView> {
  const { name, requestId, ...written } = input
  return onStores(ctx.db, (tx) => once(tx, ofPlatform(actor), { requestId, procedure: 'storageClass.create', input, output: storageClassView }, async () => {
    if (await findStorageClass(tx, name)) throw nameTaken('storage class', name)
    if ((await countStorageClasses(tx)) >= maxClasses) throw new DomainError('failed_precondition', `There are ${maxClasses} storage classes, which is the limit: delete one that is not needed.`)
    const { storeId, problems } = await checkClass(tx, name, written.spec)
    refuse(problems)
    await insertStorageClass(tx, { name, ...written, storeId })
    await audit(tx, actor, 'create', name, said(written.spec))
    return getStorageClass(tx, actor, { name })
  }))
}

/** A volume without a file system takes its class's, wherever that stands now; where it lies never changes. */
function problemsOfChange(before: StorageClassSpec, after: StorageClassSpec, volumes: number): Problem[] {
  return volumes === 0 || before.store === after.store ? [] : [at('spec.store', `cannot change while tenants have ${volumes} volumes of the class, which stay where they are: make another class`)]
}

export function changeStorageClass(ctx: ServerContext, actor: Actor, input: z.output<typeof updateStorageClassInput>): Promise<StorageClassView> {
  const { name } = input
  return onStores(ctx.db, async (tx) => {
    await holdStorageClass(tx, name)
    const row = await findStorageClass(tx, name)
    if (!row) throw notFound('StorageClass', name)
    checkRevision('StorageClass', row, input.resourceVersion)
    const before = storageClassSpec.parse(row.spec)
    const { labels, annotations } = toMetadata(row)
    const after = { labels: input.labels ?? labels, annotations: input.annotations ?? annotations, spec: input.spec ?? before }
    const specChanged = canonicalJson(before) !== canonicalJson(after.spec)
    if (!specChanged && canonicalJson([labels, annotations]) === canonicalJson([after.labels, after.annotations])) return toView(row, actor)
    const { storeId, problems } = await checkClass(tx, name, after.spec)
    refuse([...problemsOfChange(before, after.spec, row._count.volumes), ...problems])
    await updateStorageClass(tx, row.uid, { ...after, storeId, specChanged })
    await audit(tx, actor, 'update', name, specChanged ? `${said(before)} to ${said(after.spec)}` : '')
    return getStorageClass(tx, actor, { name })
  })
}

/** Deletes a class of which there is no volume. Claims that name it wait for one of its name. */
export function removeStorageClass(ctx: ServerContext, actor: Actor, { name }: z.output<typeof storageClassReference>): Promise<{ deleting: true }> {
  return onStores(ctx.db, async (tx) => {
    await holdStorageClass(tx, name)
    const row = await findStorageClass(tx, name)
    if (!row) throw notFound('StorageClass', name)
    if (row._count.volumes > 0) throw new DomainError('failed_precondition', `The storage class "${name}" cannot be deleted: tenants have ${row._count.volumes} volumes of it, deleted ones that can be restored among them.`)
    await deleteStorageClass(tx, row.uid)
    await audit(tx, actor, 'delete', name, said(storageClassSpec.parse(row.spec)))
    return { deleting: true as const }
  })
}
