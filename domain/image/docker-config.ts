import { z } from 'zod'
import type { ConfigurationObject } from '@/domain/pod/configuration'
import { fromBase64 } from '@/domain/shared/base64'
import { publicDefaultRegistry, type ImageReference } from './reference'

/** Who asks a registry, and for which of its images: `host` may have `*` for a part of its name, `path` is a prefix. */
export type RegistryCredential = { host: string; path: string; username: string; password: string; secret: string }

/** Types of Secrets that hold registries' credentials, with the key of their data. */
export const pullSecretKeys: Readonly<Record<string, string>> = { 'kubernetes.io/dockerconfigjson': '.dockerconfigjson', 'kubernetes.io/dockercfg': '.dockercfg' }

const maxBytes = 1 << 20
const maxRegistries = 500
/** Names under which Docker's public registry stands in such files. */
const dockerHosts = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io'])

const entry = z.object({ username: z.string().max(1024).optional(), password: z.string().max(64 << 10).optional(), auth: z.string().max(128 << 10).optional() })
const auths = z.record(z.string().max(1024), entry).refine((all) => Object.keys(all).length <= maxRegistries)
const dockerConfig = z.object({ auths: auths.optional() })

export type ReadPullSecret = { ok: true; credentials: RegistryCredential[] } | { ok: false; message: string }

/** Reads a pull Secret as Kubernetes does. A problem names the Secret and what to do, and nothing of its content. */
export function readPullSecret(secret: ConfigurationObject): ReadPullSecret {
  const refuse = (cause: string): ReadPullSecret => ({ ok: false, message: `Secret "${secret.name}" cannot be used to pull images: ${cause}. Make it anew with "kubectl create secret docker-registry", or as a Secret of type kubernetes.io/dockerconfigjson.` })
  const key = pullSecretKeys[secret.type]
  if (secret.kind !== 'Secret' || key === undefined) return refuse(`its type is "${secret.type}"`)
  const data = secret.data[key]
  if (data === undefined) return refuse(`it has no key "${key}"`)
  if (data.length > maxBytes * 1.4) return refuse(`its key "${key}" is larger than 1 MiB`)
  const parsed = parseConfig(data, key === '.dockercfg')
  if (parsed === null) return refuse(`its key "${key}" is not the JSON of a Docker configuration with at most ${maxRegistries} registries`)
  const credentials: RegistryCredential[] = []
  for (const [server, { username, password, auth }] of Object.entries(parsed)) {
    const place = placeOf(server)
    const login = auth ? loginOf(auth) : username === undefined && password === undefined ? null : { username: username ?? '', password: password ?? '' }
    if (place === null) return refuse('it names a registry that is no host with an optional port and path')
    if (auth && !login) return refuse('an "auth" in it is not the base64 of user:password')
    // A file of a machine with a credential helper names registries without a login.
    if (login && login.username !== '') credentials.push({ ...place, ...login, secret: secret.name })
  }
  return { ok: true, credentials }
}

function parseConfig(data: string, isOld: boolean): z.infer<typeof auths> | null {
  const bytes = fromBase64(data)
  if (!bytes) return null
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    const parsed = isOld ? auths.safeParse(value) : dockerConfig.transform((config) => config.auths ?? {}).safeParse(value)
    return parsed.success ? parsed.data : null
  } catch {
    return null
  }
}

/** `https://host:port/v1/path` and `host/path` alike; the version of the protocol is no part of the path. */
function placeOf(server: string): { host: string; path: string } | null {
  const [, host = '', rest = ''] = /^(?:https?:\/\/)?([^/\s]+)(\/\S*)?$/i.exec(server.trim()) ?? []
  if (!/^[a-z0-9*.[\]:_-]+$/i.test(host)) return null
  const path = rest.replace(/^\/v[12](?=\/|$)/, '').replace(/\/+$/, '')
  return { host: dockerHosts.has(host.toLowerCase()) ? publicDefaultRegistry : host.toLowerCase(), path }
}

function loginOf(auth: string): { username: string; password: string } | null {
  const bytes = fromBase64(auth.trim())
  if (!bytes) return null
  // Docker pads short passwords with NULs.
  // Counted, for a regular expression of what stands at the end looks from every NUL on: seconds in a file of many.
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end -= 1
  const text = new TextDecoder().decode(bytes.subarray(0, end))
  const colon = text.indexOf(':')
  return colon < 1 ? null : { username: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** The credentials that fit an image, the most exact first, as the kubelet tries them. */
export function credentialsFor<T extends Pick<RegistryCredential, 'host' | 'path'>>(credentials: readonly T[], { registry, repository }: ImageReference): T[] {
  const target = `/${repository}`
  const fits = credentials.filter(({ host, path }) => hostFits(host, registry.toLowerCase()) && target.startsWith(path))
  return fits.sort((a, b) => b.path.length - a.path.length || wildcards(a.host) - wildcards(b.host))
}

const wildcards = (host: string): number => host.split('*').length - 1

/** Each part of the name between dots may be a pattern; ports must be equal. */
function hostFits(pattern: string, registry: string): boolean {
  if (!pattern.includes('*')) return pattern === registry
  const [patternName = '', patternPort = ''] = pattern.split(':')
  const [name = '', port = ''] = registry.split(':')
  const [want, have] = [patternName.split('.'), name.split('.')]
  return patternPort === port && want.length === have.length && want.every((part, i) => globFits(part, have[i] ?? ''))
}

/** `*` stands for any characters. Without regular expressions: a tenant writes the pattern. */
function globFits(pattern: string, text: string): boolean {
  const [first = '', ...others] = pattern.split('*')
  if (others.length === 0) return pattern === text
  const last = others.pop() ?? ''
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false
  let at = first.length
  for (const part of others) {
    const found = text.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at <= text.length - last.length
}
