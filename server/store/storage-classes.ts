import type { Labels } from '@/domain/shared/names'
import type { StorageClassSpec } from '@/domain/storage-class/spec'
import type { Database, Transaction } from './database'

const parts = { store: { select: { name: true, spec: true } }, _count: { select: { volumes: true } } } as const
export type StorageClassRow = NonNullable<Awaited<ReturnType<typeof findStorageClass>>>

export const listStorageClasses = (db: Database) => db.storageClass.findMany({ include: parts, orderBy: { name: 'asc' } })
export const findStorageClass = (db: Database, name: string) => db.storageClass.findUnique({ where: { name }, include: parts })
export const countStorageClasses = (db: Database) => db.storageClass.count()

/** Holds a class until the transaction ends: no volume of it comes meanwhile. */
export const holdStorageClass = (tx: Transaction, name: string) => tx.$queryRaw`select 1 from "StorageClass" where "name" = ${name} for update`

type Written = { labels: Labels; annotations: Labels; spec: StorageClassSpec; storeId: string }
export const insertStorageClass = (tx: Transaction, { spec, ...given }: Written & { name: string }) => tx.storageClass.create({ data: { ...given, spec, isDefault: spec.default }, select: { uid: true } })

export const updateStorageClass = (tx: Transaction, uid: string, { spec, specChanged, ...change }: Written & { specChanged: boolean }) =>
  tx.storageClass.update({ where: { uid }, data: { ...change, spec, isDefault: spec.default, ...(specChanged ? { generation: { increment: 1 } } : {}) }, select: { uid: true } })

/** Removes a class of which there is no volume; the foreign key holds that. */
export const deleteStorageClass = (tx: Transaction, uid: string) => tx.storageClass.delete({ where: { uid }, select: { uid: true } })
