import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { malformed } from '../image-error'
import { verifyBlob } from '../layer/blob'
import type { ImageLimits } from '../layer/limits'
import { scanLayers, writeImage, type LayerFile } from '../layer/merge'
import type { Dropped } from '../layer/overlay'
import { readConfig, sha256, type Descriptor, type ImageConfig, type Manifest } from '../registry/manifest'
import { writeSquashfs } from '../squashfs'
import type { Listener } from './progress'

const maxConfigBytes = 4 << 20

/** What a squashfs has beside contents and names, rounded up. */
const squashfsBytes = 64 << 20

/** Before a byte of it is fetched, and without room for it. Throws {@link ImageError} malformed. */
export function refuseLargeConfig({ config }: Manifest): void {
  if (config.size > maxConfigBytes) throw malformed(`The image's configuration has ${config.size} bytes; at most ${maxConfigBytes} are allowed.`)
}

const blobPath = (folder: string, { digest }: Descriptor): string => join(folder, digest.slice('sha256:'.length))

/**
 * Checks every blob of a copied image against the manifest, whose own digest is `digest`, and reads its configuration.
 * Throws {@link ImageError} malformed or unsupported-platform.
 */
export async function verifyImage(folder: string, digest: string, manifest: Manifest, signal: AbortSignal): Promise<{ config: ImageConfig; layers: LayerFile[] }> {
  if (sha256(await readFile(join(folder, 'manifest.json'))) !== digest) throw malformed(`The registry gave another manifest than ${digest}.`)
  const blobs = new Map([manifest.config, ...manifest.layers].map((blob) => [blob.digest, blob]))
  for (const blob of blobs.values()) await verifyBlob(blobPath(folder, blob), blob, signal)
  const { config, diffIds } = readConfig(await readFile(blobPath(folder, manifest.config), 'utf8'))
  if (diffIds.length !== manifest.layers.length) throw malformed(`The image has ${manifest.layers.length} layers, but its configuration names ${diffIds.length}.`)
  return { config, layers: manifest.layers.map((layer, i) => ({ path: blobPath(folder, layer), diffId: diffIds[i] ?? '' })) }
}

/**
 * Merges layers into a squashfs at `path`. Layers are read twice: `layerBytes` is the sum of their files' sizes.
 * `makeRoom` is asked before bytes are merged: packed layers may become far more than they are.
 */
export async function buildSquashfs(
  path: string,
  layers: readonly LayerFile[],
  options: { limits: ImageLimits; layerBytes: number; makeRoom?: (bytes: number) => Promise<void>; signal?: AbortSignal; report?: Listener },
): Promise<Dropped> {
  const { limits, layerBytes, makeRoom, signal, report } = options
  let bytesDone = 0
  let told = 0
  const onRead = (bytes: number) => {
    bytesDone += bytes
    if (bytesDone - told < 1 << 20) return
    told = bytesDone
    report?.({ phase: 'merging', bytesDone, bytesTotal: 2 * layerBytes })
  }
  report?.({ phase: 'merging', bytesDone: 0, bytesTotal: 2 * layerBytes })
  const overlay = await scanLayers(layers, limits, { signal, onRead })
  await writeSquashfs(path, overlay.root.mode, (sink) => {
    const bounded = { write: (bytes: Buffer) => (makeRoom ? makeRoom(bytes.length).then(() => sink.write(bytes)) : sink.write(bytes)) }
    return writeImage(overlay, layers, bounded, { signal, onRead })
  }, { maxBytes: overlay.tarBytes + limits.maxMetadataBytes + squashfsBytes, signal })
  return overlay.dropped
}
