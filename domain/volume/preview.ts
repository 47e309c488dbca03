import { z } from 'zod'

/** One thing that follows. `danger`: something is lost or stops that does not come back by itself. */
export const volumeConsequence = z.object({ text: z.string(), danger: z.boolean() })
export type VolumeConsequence = z.infer<typeof volumeConsequence>

/** What a verb would do to a volume, before it is done. `problem`: why it is refused now; null: it is not. `resourceVersion`: of the volume that was looked at. */
export const volumePreview = z.object({ resourceVersion: z.string(), problem: z.string().nullable(), consequences: z.array(volumeConsequence) })
export type VolumePreview = z.infer<typeof volumePreview>
