import { createHash } from 'node:crypto'
import { malformed, tooLarge } from '../image-error'
import type { TarSink } from '../squashfs'
import { noXattrs, type TarHeader } from '../tar/header'
import { readTar } from '../tar/reader'
import { encodeEntry, tarEnd, tarPadding } from '../tar/writer'
import { openLayer, type ReadOptions } from './blob'
import { maxPathBytes, type ImageLimits } from './limits'
import { Overlay } from './overlay'
import { shown } from './path'
import { walk, type Attributes, type Inode } from './tree'

/** A layer's file on disk, bottom first in lists; `diffId` is the sha256 of its tar bytes as the config promises it. */
export type LayerFile = { path: string; diffId: string }

/** squashfs' table of owners and groups. */
const maxOwners = 65_535

/**
 * Reads every layer once and finds out what the image is, without keeping file contents. Checks each diffId and the
 * limits. Throws {@link ImageError} malformed or too-large.
 */
export async function scanLayers(layers: readonly LayerFile[], limits: ImageLimits, options: ReadOptions = {}): Promise<Overlay> {
  const overlay = new Overlay(limits)
  let bytes = 0
  for (const [number, layer] of layers.entries()) {
    const hash = createHash('sha256')
    const counted = async function* (): AsyncGenerator<Buffer, void, undefined> {
      for await (const chunk of openLayer(layer.path, options)) {
        bytes += chunk.length
        if (bytes > limits.maxBytes) throw tooLarge(`The image is larger than ${limits.maxBytes} bytes when unpacked.`)
        hash.update(chunk)
        yield chunk
      }
    }
    overlay.startLayer(number)
    for await (const { header } of readTar(counted())) overlay.add(header)
    const found = `sha256:${hash.digest('hex')}`
    if (found !== layer.diffId) throw malformed(`Layer ${number + 1} has the content ${found}; the image's configuration promises ${layer.diffId}.`)
  }
  overlay.tarBytes = bytes
  return overlay
}

const headerOf = (name: string, type: TarHeader['type'], attributes: Attributes): TarHeader => ({
  name,
  type,
  size: 0,
  linkName: '',
  mode: attributes.mode,
  uid: attributes.uid,
  gid: attributes.gid,
  mtime: attributes.mtime,
  xattrs: attributes.xattrs,
})

/** Files whose bytes are still to come, by layer and by entry; and the further names of each inode. */
type Plan = { pending: Map<number, Map<number, { path: string; inode: Inode }>>; links: { path: string; target: string }[] }

/** Writes directories, symlinks, fifos and empty files; what has bytes is planned for the second reading. */
async function writeNodes(overlay: Overlay, sink: TarSink): Promise<Plan> {
  const plan: Plan = { pending: new Map(), links: [] }
  const firstPath = new Map<Inode, string>()
  const owners = new Set<number>()
  for (const { path, node } of walk(overlay.root)) {
    if (path.length > maxPathBytes) throw malformed(`The image has a path longer than ${maxPathBytes} bytes: ${shown(path)}.`)
    const attributes = node.kind === 'directory' ? node : node.inode
    owners.add(attributes.uid).add(attributes.gid)
    if (owners.size > maxOwners) throw tooLarge(`The image has more than ${maxOwners} different owners and groups.`)
    if (node.kind === 'directory') {
      await sink.write(encodeEntry(headerOf(`${path}/`, 'directory', node)))
      continue
    }
    const { inode } = node
    const target = firstPath.get(inode)
    if (target !== undefined) {
      plan.links.push({ path, target })
      continue
    }
    firstPath.set(inode, path)
    if (inode.kind === 'symlink') await sink.write(encodeEntry({ ...headerOf(path, 'symlink', inode), linkName: inode.target }))
    else if (inode.kind === 'fifo' || inode.size === 0) await sink.write(encodeEntry(headerOf(path, inode.kind, inode)))
    else {
      const entries = plan.pending.get(inode.source.layer) ?? new Map<number, { path: string; inode: Inode }>()
      plan.pending.set(inode.source.layer, entries.set(inode.source.entry, { path, inode }))
    }
  }
  return plan
}

/**
 * Reads the layers again and writes the image as one tar archive: directories first, then contents in the order of the
 * layers, then hard links. Layers without a surviving file are not opened.
 */
export async function writeImage(overlay: Overlay, layers: readonly LayerFile[], sink: TarSink, options: ReadOptions = {}): Promise<void> {
  const plan = await writeNodes(overlay, sink)
  for (const [number, layer] of layers.entries()) {
    const wanted = plan.pending.get(number)
    if (wanted === undefined) continue
    let entry = -1
    for await (const { header, data } of readTar(openLayer(layer.path, options))) {
      entry++
      const file = wanted.get(entry)
      if (file === undefined) continue
      await sink.write(encodeEntry({ ...headerOf(file.path, 'file', file.inode), size: header.size }))
      for await (const chunk of data()) await sink.write(chunk)
      await sink.write(tarPadding(header.size))
      wanted.delete(entry)
      if (wanted.size === 0) break
    }
  }
  for (const { path, target } of plan.links) {
    await sink.write(encodeEntry({ ...headerOf(path, 'link', { mode: 0o644, uid: 0, gid: 0, mtime: 0, xattrs: noXattrs }), linkName: target }))
  }
  await sink.write(tarEnd)
}
