import { readdir, statfs } from 'node:fs/promises'

/** Where the kernel keeps named network namespaces. */
export const NAMESPACES = '/run/netns'

/** What `ip` has given a name to holds the kernel's file system of namespaces. */
const NSFS_MAGIC = 0x6e73_6673

/** What a name leads to: a namespace, or none any more, as after the end of the machine's mounts. Throws where that cannot be seen. */
export async function whatIs(name: string): Promise<'namespace' | 'dead name' | 'nothing'> {
  try {
    return (await statfs(`${NAMESPACES}/${name}`)).type === NSFS_MAGIC ? 'namespace' : 'dead name'
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'nothing'
    throw error
  }
}

/** All names there, whatever they lead to. */
export async function namespaceNames(): Promise<string[]> {
  return readdir(NAMESPACES).catch(() => [])
}
