import { z } from 'zod'

/** What stands in a folder of a container. */
export const folderEntry = z.object({
  name: z.string().max(4096),
  type: z.enum(['file', 'folder', 'link', 'other']),
  /** Bytes. */
  size: z.number().int().min(0),
  /** The permission bits. */
  mode: z.number().int().min(0).max(0o7777),
  /** Milliseconds since 1970; 0: not known. */
  modifiedAt: z.number().int().min(0),
  /** What a symbolic link says. */
  target: z.string().max(4096).nullable(),
})
export type FolderEntry = z.infer<typeof folderEntry>
