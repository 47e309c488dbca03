import { z } from 'zod'
import { formatReference, parseReference } from '@/domain/image/reference'
import { ImageError, malformed } from '../image-error'
import { verifyBlob } from '../layer/blob'
import type { LayerFile } from '../layer/merge'
import { chooseForHost, readConfig, readIndex, readManifest, sha256, type Descriptor, type ImageConfig, type IndexEntry } from '../registry/manifest'
import type { ArchiveFiles } from './archive-files'

/**
 * An image in an archive: what names it, how it is run, and its layers, bottom first. The digest is over the tenant and
 * all that the archive says the image is made of: whatever a tenant packs, it names no image of a registry or of another
 * tenant.
 */
export type ArchiveImage = { digest: string; config: ImageConfig; layers: LayerFile[]; layerBytes: number }

const text = z.string().max(4096)
const dockerManifest = z.array(z.object({ Config: text, RepoTags: z.array(text).max(1000).nullish(), Layers: z.array(text).max(1000) })).max(1000)
type DockerEntry = z.infer<typeof dockerManifest>[number]

const ociIndex = 'index.json'
const dockerIndex = 'manifest.json'

/** The image in an archive of `docker save`, `podman save` or an OCI layout; `reference` chooses among several. Every blob is checked. */
export async function readArchiveImage(files: ArchiveFiles, reference: string, tenantId: string, signal: AbortSignal): Promise<ArchiveImage> {
  if (files.has(ociIndex)) return ofTenant(await ociImage(files, reference, signal), tenantId)
  if (files.has(dockerIndex)) return ofTenant(await dockerImage(files, reference), tenantId)
  throw malformed('It has neither index.json (OCI) nor manifest.json (Docker).')
}

/** `digest` is the manifest's or the configuration's; the layers' contents are checked against theirs when they are merged. */
const ofTenant = (image: ArchiveImage, tenantId: string): ArchiveImage => ({ ...image, digest: sha256(JSON.stringify(['upload', tenantId, image.digest, ...image.layers.map(({ diffId }) => diffId)])) })

async function ociImage(files: ArchiveFiles, reference: string, signal: AbortSignal): Promise<ArchiveImage> {
  const top = chooseNamed(readIndex(await files.text(ociIndex)), reference)
  const first = await verifiedText(files, top, signal)
  const read = readManifest(first)
  const chosen = 'manifest' in read ? { digest: top.digest, manifest: read.manifest } : await inner(files, read.choose, first, signal)
  const { digest, manifest } = chosen
  const { config, diffIds } = readConfig(await verifiedText(files, manifest.config, signal))
  if (diffIds.length !== manifest.layers.length) throw malformed(`The image has ${manifest.layers.length} layers, but its configuration names ${diffIds.length}.`)
  for (const layer of new Map(manifest.layers.map((one) => [one.digest, one])).values()) await verifyBlob(files.path(blobName(layer)), layer, signal, 'The archive')
  return image(files, digest, config, manifest.layers.map(blobName), diffIds)
}

async function inner(files: ArchiveFiles, digest: string, index: string, signal: AbortSignal) {
  const entry = readIndex(index).find((one) => one.digest === digest)
  const read = readManifest(await verifiedText(files, entry ?? { digest, size: files.bytes(blobName({ digest })) }, signal))
  if (!('manifest' in read)) throw malformed('The image is an index in an index in an index: one index with an entry a platform is read.')
  return { digest, manifest: read.manifest }
}

/** Of several entries the one that has the wanted name; else the one for this host, where only platforms differ. */
function chooseNamed(entries: readonly IndexEntry[], reference: string): IndexEntry {
  const named = entries.filter(({ annotations = {} }) => isNamed(reference, [annotations['io.containerd.image.name'], annotations['org.opencontainers.image.ref.name']]))
  if (named.length > 0) return chooseForHost(named, 'follow')
  const names = new Set(entries.map(({ annotations = {} }) => annotations['io.containerd.image.name'] ?? annotations['org.opencontainers.image.ref.name']))
  if (names.size > 1) throw several(entries.length, reference)
  return chooseForHost(entries, 'follow')
}

async function dockerImage(files: ArchiveFiles, reference: string): Promise<ArchiveImage> {
  const entries = dockerEntries(await files.text(dockerIndex))
  const entry = entries.length === 1 ? entries[0] : entries.find(({ RepoTags }) => isNamed(reference, RepoTags ?? []))
  if (!entry) throw several(entries.length, reference)
  const configText = await files.text(entry.Config)
  const { config, diffIds } = readConfig(configText)
  if (diffIds.length !== entry.Layers.length) throw malformed(`The image has ${entry.Layers.length} layers, but its configuration names ${diffIds.length}.`)
  // Docker's id of the image: it stands for the content of all layers, which are checked when they are merged.
  return image(files, sha256(configText), config, entry.Layers, diffIds)
}

function dockerEntries(json: string): DockerEntry[] {
  try {
    const parsed = dockerManifest.safeParse(JSON.parse(json))
    if (parsed.success) return parsed.data
  } catch {
    // Told below: no JSON and other JSON are one fault.
  }
  throw malformed('Its manifest.json is not what "docker save" writes.')
}

function image(files: ArchiveFiles, digest: string, config: ImageConfig, names: readonly string[], diffIds: readonly string[]): ArchiveImage {
  const layers = names.map((name, i) => ({ path: files.path(name), diffId: diffIds[i] ?? '' }))
  return { digest, config, layers, layerBytes: names.reduce((sum, name) => sum + files.bytes(name), 0) }
}

const blobName = ({ digest }: Pick<Descriptor, 'digest'>): string => `blobs/sha256/${digest.slice('sha256:'.length)}`

async function verifiedText(files: ArchiveFiles, descriptor: Pick<Descriptor, 'digest' | 'size'>, signal: AbortSignal): Promise<string> {
  await verifyBlob(files.path(blobName(descriptor)), descriptor, signal, 'The archive')
  return files.text(blobName(descriptor))
}

/** Archives have names in full, short ones, or the tag alone. */
function isNamed(reference: string, names: readonly (string | undefined)[]): boolean {
  const tag = /:([^:/@]+)$/.exec(reference)?.[1]
  return names.some((name) => {
    if (name === undefined) return false
    if (name === tag && !name.includes('/')) return true
    const [a, b] = [parseReference(name), parseReference(reference)]
    return a.ok && b.ok && formatReference(a.value) === formatReference(b.value)
  })
}

const several = (count: number, reference: string): ImageError =>
  new ImageError('malformed', `It has ${count} images, and none of them is called ${reference}.`, 'Save one image, or upload it under the name that it has in the archive.')
