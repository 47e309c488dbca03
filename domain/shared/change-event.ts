import { z } from 'zod'

/** `changed`: something that is watched is another now, read it again. `bookmark`: how far the watch has come. A watch goes on from any of its resourceVersions. */
export const changeEvent = z.object({ type: z.enum(['changed', 'bookmark']), resourceVersion: z.string() })
export type ChangeEvent = z.infer<typeof changeEvent>
