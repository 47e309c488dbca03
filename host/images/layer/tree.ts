import { noXattrs } from '../tar/header'

/** Mode, owner and times of a node; `mtime` is seconds since 1970. */
export type Attributes = { mode: number; uid: number; gid: number; mtime: number; xattrs: ReadonlyMap<string, Buffer> }

/** Where a file's bytes are: the layer's number and the number of the entry in it, both from 0. */
export type Source = { layer: number; entry: number }

/** What hard links share. */
export type Inode = Attributes &
  ({ kind: 'file'; size: number; source: Source } | { kind: 'symlink'; target: string } | { kind: 'fifo' })

/** `layer` is the last layer that wrote the node: a whiteout hides what is older than its own layer alone. */
export type Leaf = { kind: 'leaf'; inode: Inode; layer: number }
export type Directory = Attributes & { kind: 'directory'; children: Map<string, Node>; layer: number }
export type Node = Leaf | Directory

/** A directory that no layer describes, as container runtimes make it. */
export const impliedDirectory = (layer: number): Directory => ({
  kind: 'directory',
  children: new Map(),
  layer,
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: 0,
  xattrs: noXattrs,
})

/**
 * Removes what layers before `layer` put below a directory (an opaque whiteout). A directory in which something newer
 * lives stays. `step` is called for each node looked at and may throw to bound the work.
 */
export function removeOlderChildren(directory: Directory, layer: number, step: () => void): void {
  for (const name of [...directory.children.keys()]) removeOlder(directory, name, layer, step)
}

/** Removes a child as far as layers before `layer` put it there (a whiteout). */
export function removeOlder(parent: Directory, name: string, layer: number, step: () => void): void {
  step()
  const node = parent.children.get(name)
  if (node === undefined) return
  if (node.kind === 'leaf') {
    if (node.layer < layer) parent.children.delete(name)
    return
  }
  removeOlderChildren(node, layer, step)
  if (node.layer < layer && node.children.size === 0) parent.children.delete(name)
}

/** Every node with its path (without a leading slash), parents before their children, in the order of creation. */
export function* walk(root: Directory): Generator<{ path: string; node: Node }, void, undefined> {
  const open: { path: string; directory: Directory }[] = [{ path: '', directory: root }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const [name, node] of next.directory.children) {
      const path = next.path === '' ? name : `${next.path}/${name}`
      yield { path, node }
      if (node.kind === 'directory') open.push({ path, directory: node })
    }
  }
}
