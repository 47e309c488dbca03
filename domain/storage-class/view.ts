import { z } from 'zod'
import { objectMetadata } from '../shared/metadata'
import { storageClassSpec } from './spec'

/** `shared`: whether a volume of it draws its pod to a host. `volumes` is told to operators alone. */
export const storageClassView = z.object({ metadata: objectMetadata, spec: storageClassSpec, status: z.object({ storeKind: z.enum(['file', 'rbd']), shared: z.boolean(), volumes: z.number().int().nullable() }) })
export type StorageClassView = z.infer<typeof storageClassView>
