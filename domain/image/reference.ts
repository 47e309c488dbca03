/** A normalised image reference. `digest` is `algorithm:hex`. At least one of tag and digest is set; the digest decides when both are. */
export type ImageReference = { registry: string; repository: string; tag: string | null; digest: string | null }

export type ParsedReference = { ok: true; value: ImageReference } | { ok: false; message: string }

/** Kubernetes' imagePullPolicy. */
export const pullPolicies = ['Always', 'IfNotPresent', 'Never'] as const
export type PullPolicy = (typeof pullPolicies)[number]

/** What a bare image name means where nothing else is set. */
export const publicDefaultRegistry = 'docker.io'

const hostLabel = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?'
const registryPattern = new RegExp(`^(?:${hostLabel}(?:\\.${hostLabel})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]{1,5})?$`)
const componentPattern = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/
const tagPattern = /^\w[\w.-]{0,127}$/
const digestLengths: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 }

const refuse = (message: string): ParsedReference => ({ ok: false, message })

/** Docker's rule: the first part is a registry when it has a dot, a port or an upper-case letter, or is `localhost`. */
function splitRegistry(name: string, defaultRegistry: string): { registry: string; path: string } {
  const slash = name.indexOf('/')
  const first = slash < 0 ? '' : name.slice(0, slash)
  const named = first === 'localhost' || /[.:]/.test(first) || first !== first.toLowerCase()
  return named ? { registry: first, path: name.slice(slash + 1) } : { registry: defaultRegistry, path: name }
}

function digestProblem(digest: string): string | null {
  const [algorithm = '', hex = ''] = digest.split(':')
  const length = digestLengths[algorithm]
  if (length === undefined) return `digest "${digest}" must begin with sha256:, sha384: or sha512:`
  if (!/^[a-f0-9]*$/.test(hex) || hex.length !== length || digest.split(':').length !== 2) {
    return `digest "${digest}" must have ${length} lower-case hexadecimal digits after ${algorithm}:`
  }
  return null
}

function repositoryProblem(path: string): string | null {
  if (path === '') return 'the repository name is missing'
  if (path !== path.toLowerCase()) return `the repository name "${path}" must be in lower case`
  if (path.length > 255) return 'the repository name is longer than 255 characters'
  const bad = path.split('/').find((part) => !componentPattern.test(part))
  if (bad === '') return `the repository name "${path}" has an empty part`
  if (bad !== undefined) return `"${bad}" in the repository name may only have letters, digits and single . or _ (or __, or dashes) between them`
  return null
}

/**
 * Parses and normalises an image reference by Docker's grammar (distribution/reference): registry, repository, tag,
 * digest. A bare name means `defaultRegistry`; on docker.io a name of one part gets `library/`; a reference with
 * neither tag nor digest gets the tag `latest`. A problem is returned as a message for the user, never thrown.
 */
export function parseReference(text: string, defaultRegistry: string = publicDefaultRegistry): ParsedReference {
  if (text === '') return refuse('the image is missing')
  if (/\s/.test(text)) return refuse(`the image "${text}" must not have blanks`)
  if (/^[a-z]+:\/\//.test(text)) return refuse(`the image "${text}" must not begin with a scheme: write registry/name:tag`)
  if (/^[a-f0-9]{64}$/.test(text)) return refuse(`"${text}" is an image id: write a name, or name@sha256:…`)

  const at = text.indexOf('@')
  const digest = at < 0 ? null : text.slice(at + 1)
  const named = at < 0 ? text : text.slice(0, at)
  const wrongDigest = digest === null ? null : digestProblem(digest)
  if (wrongDigest !== null) return refuse(wrongDigest)

  const colon = named.lastIndexOf(':')
  const hasTag = colon > named.lastIndexOf('/')
  const tag = hasTag ? named.slice(colon + 1) : null
  if (tag !== null && !tagPattern.test(tag)) {
    return refuse(`the tag "${tag}" may have letters, digits, _, . and -, must not begin with . or -, and has 1 to 128 characters`)
  }

  const { registry: written, path } = splitRegistry(hasTag ? named.slice(0, colon) : named, defaultRegistry)
  const registry = written === 'index.docker.io' ? publicDefaultRegistry : written
  if (!registryPattern.test(registry)) return refuse(`"${registry}" is not the name of a registry (host or host:port)`)
  const wrongPath = repositoryProblem(path)
  if (wrongPath !== null) return refuse(wrongPath)
  const repository = registry === publicDefaultRegistry && !path.includes('/') ? `library/${path}` : path
  return { ok: true, value: { registry, repository, tag: tag ?? (digest === null ? 'latest' : null), digest } }
}

/** The reference in full: `registry/repository[:tag][@digest]`. */
export function formatReference(reference: ImageReference): string {
  const { registry, repository, tag, digest } = reference
  return `${registry}/${repository}${tag === null ? '' : `:${tag}`}${digest === null ? '' : `@${digest}`}`
}

/** Kubernetes' default: Always for the tag `latest` without a digest, otherwise IfNotPresent. */
export function defaultPullPolicy(reference: ImageReference): PullPolicy {
  return reference.digest === null && reference.tag === 'latest' ? 'Always' : 'IfNotPresent'
}
