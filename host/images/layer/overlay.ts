import { malformed, tooLarge } from '../image-error'
import type { TarHeader } from '../tar/header'
import { maxNameBytes, maxPathBytes, maxXattrBytes, type ImageLimits } from './limits'
import { entryPath, shown } from './path'
import { impliedDirectory, removeOlder, removeOlderChildren, type Attributes, type Directory, type Inode, type Node } from './tree'

const whiteoutPrefix = '.wh.'
const opaqueWhiteout = '.wh..wh..opq'
const metaPrefix = '.wh..wh.'
const maxSymlinks = 40
const maxDepth = 1024
const latestTime = 0xffffffff

/** What was left out on purpose, for the log. */
export type Dropped = { devices: number; xattrs: number }

/**
 * The image as its layers make it, without any file's bytes: layers are added bottom first by the rules of the OCI
 * image specification (layer.md). A parent that is a symlink is followed inside the tree, as containerd does.
 */
export class Overlay {
  readonly root: Directory = impliedDirectory(0)
  readonly dropped: Dropped = { devices: 0, xattrs: 0 }
  /** Bytes of all layers, unpacked. */
  tarBytes = 0
  #layer = 0
  #entry = -1
  #entries = 0
  #metadataBytes = 0
  #steps = 0

  constructor(private readonly limits: ImageLimits) {}

  /** Begins the next layer. */
  startLayer(layer: number): void {
    this.#layer = layer
    this.#entry = -1
  }

  /** Adds the next entry of the layer. Throws {@link ImageError} malformed or too-large. */
  add(header: TarHeader): void {
    this.#entry++
    this.#count(header)
    const path = entryPath(header.name)
    const name = path.pop()
    if (name === undefined) return this.#describeRoot(header)
    if (name === opaqueWhiteout) return this.#opaque(this.#directory(path))
    if (name.startsWith(metaPrefix)) return
    if (name.startsWith(whiteoutPrefix)) return this.#whiteout(path, name.slice(whiteoutPrefix.length), header.name)
    this.#put(this.#directory(path), name, header)
  }

  #count(header: TarHeader): void {
    this.#countNode()
    this.#metadataBytes += header.name.length + header.linkName.length
    for (const [key, value] of header.xattrs) {
      if (value.length > maxXattrBytes || key.length > 255) throw malformed(`${shown(header.name)} has an extended attribute larger than Linux allows.`)
      this.#metadataBytes += key.length + value.length
    }
    if (this.#metadataBytes > this.limits.maxMetadataBytes) {
      throw tooLarge(`The image has more than ${this.limits.maxMetadataBytes} bytes of file names and attributes.`)
    }
  }

  #countNode(): void {
    if (++this.#entries > this.limits.maxEntries) throw tooLarge(`The image has more than ${this.limits.maxEntries} files.`)
  }

  /** Bounds what a few entries can cost: long chains of symlinks, whiteouts of one large tree again and again. */
  #step(): void {
    if (++this.#steps > 100 * this.limits.maxEntries) throw tooLarge('The image takes too many steps to put together: it has very deep names, or very many whiteouts.')
  }

  #describeRoot(header: TarHeader): void {
    if (header.type !== 'directory') throw malformed('A layer has an entry for the root that is no directory.')
    Object.assign(this.root, this.#attributes(header), { layer: this.#layer })
  }

  #opaque(directory: Directory): void {
    removeOlderChildren(directory, this.#layer, () => this.#step())
    directory.layer = this.#layer
  }

  #whiteout(parent: string[], name: string, written: string): void {
    if (name === '' || name === '.' || name === '..') throw malformed(`A layer has a whiteout of nothing: ${shown(written)}.`)
    // A whiteout below what does not exist hides nothing, and must not make its parent.
    const directory = this.#resolve(parent, false)
    if (directory?.kind === 'directory') removeOlder(directory, name, this.#layer, () => this.#step())
  }

  #put(parent: Directory, name: string, header: TarHeader): void {
    if (header.type === 'directory' && entryPath(header.name).length > maxDepth) throw malformed(`A layer has directories nested deeper than ${maxDepth}: ${shown(header.name)}.`)
    const existing = parent.children.get(name)
    if (header.type === 'directory') {
      const attributes = { ...this.#attributes(header), layer: this.#layer }
      if (existing?.kind === 'directory') Object.assign(existing, attributes)
      else parent.children.set(name, { kind: 'directory', children: new Map(), ...attributes })
      return
    }
    if (header.type === 'device') {
      // A container gets its /dev from the runtime; a device of the image's choice would only open the guest's own.
      // Overlay file systems also write whiteouts as devices: what was there is hidden either way.
      this.dropped.devices++
      parent.children.delete(name)
      return
    }
    const inode = header.type === 'link' ? this.#linked(header) : this.#inode(header, header.type)
    parent.children.delete(name)
    parent.children.set(name, { kind: 'leaf', inode, layer: this.#layer })
  }

  #inode(header: TarHeader, type: 'file' | 'symlink' | 'fifo'): Inode {
    const attributes = this.#attributes(header)
    if (type === 'file') return { ...attributes, kind: 'file', size: header.size, source: { layer: this.#layer, entry: this.#entry } }
    if (type === 'fifo') return { ...attributes, kind: 'fifo' }
    const target = header.linkName
    if (target === '' || target.length > maxPathBytes || target.includes('\0')) throw malformed(`The symbolic link ${shown(header.name)} has a bad target ${shown(target)}.`)
    return { ...attributes, kind: 'symlink', target }
  }

  #linked(header: TarHeader): Inode {
    const target = this.#find(entryPath(header.linkName, 'hard link'))
    if (target?.kind !== 'leaf') {
      throw malformed(`The hard link ${shown(header.name)} points to ${shown(header.linkName)}, ${target ? 'a directory' : 'which the image does not have'}.`)
    }
    return target.inode
  }

  /** squashfs holds 32-bit seconds. Only attributes that mean something in the guest and cannot steer its overlay are kept. */
  #attributes(header: TarHeader): Attributes {
    const { mode, uid, gid } = header
    if (!(uid >= 0 && uid <= 0xfffffffe && gid >= 0 && gid <= 0xfffffffe)) throw malformed(`${shown(header.name)} has the owner ${uid}:${gid}, which Linux does not have.`)
    const kept = [...header.xattrs].filter(([key]) => key === 'security.capability' || (key.startsWith('user.') && !key.startsWith('user.overlay.')))
    this.dropped.xattrs += header.xattrs.size - kept.length
    const xattrs = kept.length === header.xattrs.size ? header.xattrs : new Map(kept)
    return { mode, uid, gid, mtime: Math.min(Math.max(0, header.mtime), latestTime), xattrs }
  }

  /** The directory at a path; what is missing, or is neither directory nor symlink, becomes one. */
  #directory(path: readonly string[]): Directory {
    const node = this.#resolve(path, true)
    if (node?.kind !== 'directory') throw malformed(`${shown(path.join('/'))} is no directory.`)
    return node
  }

  /** The node at a path, a final symlink not followed; undefined where it is missing. */
  #find(path: readonly string[]): Node | undefined {
    const name = path.at(-1)
    if (name === undefined) return this.root
    const parent = this.#resolve(path.slice(0, -1), false)
    return parent?.kind === 'directory' ? parent.children.get(name) : undefined
  }

  /** Walks a path from the root, following symlinks inside the tree; `..` of a target stops at the root. */
  #resolve(path: readonly string[], create: boolean): Node | undefined {
    const rest = [...path].reverse()
    const trail: Directory[] = [this.root]
    let followed = 0
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
      const here = trail.at(-1) ?? this.root
      this.#step()
      if (name === '' || name === '.') continue
      if (name === '..') {
        if (trail.length > 1) trail.pop()
        continue
      }
      const child = here.children.get(name)
      if (child?.kind === 'directory') trail.push(child)
      else if (child?.inode.kind === 'symlink') {
        if (++followed > maxSymlinks) throw malformed(`${shown(path.join('/'))} goes through more than ${maxSymlinks} symbolic links.`)
        if (child.inode.target.startsWith('/')) trail.length = 1
        rest.push(...child.inode.target.split('/').reverse())
      } else {
        if (!create) return undefined
        if (name.length > maxNameBytes || trail.length > maxDepth) throw malformed(`A symbolic link leads to a name that is too long or too deep: ${shown(name)}.`)
        this.#countNode()
        const made = impliedDirectory(this.#layer)
        here.children.set(name, made)
        trail.push(made)
      }
    }
    return trail.at(-1)
  }
}
