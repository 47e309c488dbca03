import { z } from 'zod'
import { objectMetadata } from '../shared/metadata'
import { namespaceSpec } from './spec'

export const namespaceView = z.object({ metadata: objectMetadata, spec: namespaceSpec, status: z.object({ phase: z.enum(['Active', 'Terminating']), pods: z.number().int() }) })
export type NamespaceView = z.infer<typeof namespaceView>
