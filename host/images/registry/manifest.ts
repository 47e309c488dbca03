import { createHash } from 'node:crypto'
import { arch } from 'node:os'
import { z } from 'zod'
import { excessOf } from '@/platform/json-shape'
import { ImageError, malformed } from '../image-error'

const digest = z.string().regex(/^sha256:[a-f0-9]{64}$/)
const descriptor = z.object({ mediaType: z.string().default(''), digest, size: z.number().int().nonnegative() })
const platform = z.object({ os: z.string().optional(), architecture: z.string().optional(), variant: z.string().optional() })
const indexSchema = z.object({ manifests: z.array(descriptor.extend({ platform: platform.optional(), annotations: z.record(z.string(), z.string()).optional() })).max(10_000) })
const manifestSchema = z.object({ schemaVersion: z.literal(2), config: descriptor, layers: z.array(descriptor).max(1000) })
const strings = z.array(z.string()).nullish()
const configSchema = z.object({
  architecture: z.string().optional(),
  os: z.string().optional(),
  config: z
    .object({
      Entrypoint: strings,
      Cmd: strings,
      Env: strings,
      WorkingDir: z.string().nullish(),
      User: z.string().nullish(),
      ExposedPorts: z.record(z.string(), z.unknown()).nullish(),
      StopSignal: z.string().nullish(),
    })
    .nullish(),
  rootfs: z.object({ diff_ids: z.array(digest).max(1000) }),
})

/** What an image says about how to run it; lists are empty and strings '' where it says nothing. */
export const imageConfigSchema = z.object({
  entrypoint: z.array(z.string()),
  cmd: z.array(z.string()),
  env: z.array(z.string()),
  workingDir: z.string(),
  user: z.string(),
  /** As written: `8080/tcp`. */
  exposedPorts: z.array(z.string()),
  stopSignal: z.string().optional(),
})
export type ImageConfig = z.infer<typeof imageConfigSchema>

/** A descriptor of OCI: sha256 digest and size in bytes. */
export type Descriptor = { mediaType: string; digest: string; size: number }
export type Manifest = { config: Descriptor; layers: Descriptor[] }

export const sha256 = (bytes: string | Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** A manifest, or what answers in its place. Bytes. */
export const maxManifestBytes = 4 << 20

/** Values in one document: an index has at most 10 000 entries of a few each. A million wrong ones would keep the agent busy for 16 s. */
const maxValues = 100_000
/** A manifest has 4, a configuration 5 beside what builders add. */
const maxDepth = 100

function parsed<T>(text: string, schema: z.ZodType<T>, what: string): T {
  const excess = excessOf(Buffer.from(text), { maxValues, maxDepth })
  if (excess !== null) throw malformed(excess === 'depth' ? `The image's ${what} is nested too deep.` : `The image's ${what} has more than ${maxValues} values.`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw malformed(`The image's ${what} is no JSON.`)
  }
  const result = schema.safeParse(value)
  if (!result.success) throw malformed(`The image's ${what} is not valid: ${z.prettifyError({ ...result.error, issues: result.error.issues.slice(0, 3) }).slice(0, 300)}`)
  return result.data
}

/** This machine's architecture as images call it. */
export const hostArchitecture = arch() === 'x64' ? 'amd64' : arch()

const indexTypes = new Set(['application/vnd.oci.image.index.v1+json', 'application/vnd.docker.distribution.manifest.list.v2+json'])

/** Either the manifest of one image, or of an index the digest of its image for this host. */
export function readManifest(text: string): { manifest: Manifest } | { choose: string } {
  const kind = parsed(text, z.object({ schemaVersion: z.number().optional(), manifests: z.unknown().optional(), config: z.unknown().optional() }), 'manifest')
  if (kind.manifests !== undefined) return { choose: chooseForHost(parsed(text, indexSchema, 'index').manifests).digest }
  if (kind.schemaVersion === 1 || kind.config === undefined) {
    throw new ImageError('unsupported-platform', 'The image has a manifest of the old version 1, or is no container image.', 'Push the image again with a current builder.')
  }
  return { manifest: parsed(text, manifestSchema, 'manifest') }
}

export type IndexEntry = z.infer<typeof indexSchema>['manifests'][number]

/** The entries of an index. */
export const readIndex = (text: string): IndexEntry[] => parsed(text, indexSchema, 'index').manifests

/**
 * The entry of an index for linux and this host's architecture. Of several variants the plainest: a newer one may use
 * instructions that a VM does not have. Attestations (platform unknown/unknown) are no images.
 */
export function chooseForHost(entries: readonly IndexEntry[], nested: 'refuse' | 'follow' = 'refuse'): IndexEntry {
  const images = entries.filter((entry) => entry.platform?.os !== 'unknown' && entry.annotations?.['vnd.docker.reference.type'] !== 'attestation-manifest')
  const fits = images.filter(({ platform: p }) => p?.os === 'linux' && p.architecture === hostArchitecture).sort((a, b) => variant(a) - variant(b))
  const chosen = fits[0] ?? (images.length === 1 && images[0]?.platform === undefined ? images[0] : undefined)
  if (!chosen) {
    const known = images.flatMap(({ platform: p }) => (p?.os && p.architecture ? [platformName(p.os, p.architecture)] : []))
    throw unsupported(known.length > 0 ? [...new Set(known)].slice(0, 20).join(', ') : 'no platform at all')
  }
  if (nested === 'refuse' && indexTypes.has(chosen.mediaType)) throw malformed('The image is an index in an index, which no registry needs: one index with an entry a platform is read.')
  return chosen
}

/** 0 for none, then v1, v2, … */
const variant = ({ platform }: IndexEntry): number => Number(/^v(\d{1,3})/.exec(platform?.variant ?? '')?.[1] ?? 0)

/** As an image says it: printable and short, whatever it says. */
const platformName = (...parts: [os: string, architecture: string]): string => parts.map((part) => part.slice(0, 32).replace(/[^\x21-\x7e]/g, '?')).join('/')

const unsupported = (platforms: string): ImageError =>
  new ImageError('unsupported-platform', `The image is built for ${platforms}, but these hosts run linux/${hostArchitecture}.`, `Build the image for linux/${hostArchitecture} and push it again.`)

/** Reads an image's configuration: how to run it, and the digest of each layer's tar bytes, bottom first. */
export function readConfig(text: string): { config: ImageConfig; diffIds: string[] } {
  const read = parsed(text, configSchema, 'configuration')
  const [os, architecture] = [read.os ?? 'linux', read.architecture ?? hostArchitecture]
  if (os !== 'linux' || architecture !== hostArchitecture) throw unsupported(platformName(os, architecture))
  const run = read.config ?? {}
  const config: ImageConfig = {
    entrypoint: run.Entrypoint ?? [],
    cmd: run.Cmd ?? [],
    env: run.Env ?? [],
    workingDir: run.WorkingDir ?? '',
    user: run.User ?? '',
    exposedPorts: Object.keys(run.ExposedPorts ?? {}),
    ...(run.StopSignal ? { stopSignal: run.StopSignal } : {}),
  }
  return { config, diffIds: read.rootfs.diff_ids }
}
