import type { ImageReference } from '@/domain/image/reference'
import { credentialsFor } from '@/domain/image/docker-config'
import { ImageError } from '../image-error'
import { everybody, fingerprint, type RegistryAuth, type ScopedAuth } from './auth-file'

/** A place to ask instead of a registry: `host[:port]` and a path before the repository's name, or ''. */
export type Mirror = { registry: string; host: string; path: string }

/** One way to an image. `who` may use what it gives. */
export type Source = { reference: ImageReference; auth: RegistryAuth | undefined; who: string; isMirror: boolean }

/**
 * The ways to an image, in the order in which they are tried: mirrors, which never get credentials; the registry itself
 * with each of the tenant's credentials that fits, the most exact first; and without any.
 */
export function sourcesOf(reference: ImageReference, { tenantId, credentials, mirrors, salt }: { tenantId: string; credentials: readonly ScopedAuth[]; mirrors: readonly Mirror[]; salt: string }): Source[] {
  const ofMirrors = mirrors.filter(({ registry }) => registry === reference.registry).map(({ host, path }): Source => ({ reference: { ...reference, registry: host, repository: path === '' ? reference.repository : `${path}/${reference.repository}` }, auth: undefined, who: everybody, isMirror: true }))
  const own = credentialsFor(credentials, reference).map((auth): Source => ({ reference, auth, who: fingerprint(tenantId, auth, salt), isMirror: false }))
  return [...ofMirrors, ...own, { reference, auth: undefined, who: everybody, isMirror: false }]
}

/**
 * Tries the sources in order until one gives. A mirror's failure is never the end; of the registry's own answers a refusal
 * or "not found" leads to the next credentials, and the first of them is told.
 */
export async function firstOf<T>(sources: readonly Source[], attempt: (source: Source) => Promise<T>, onMirrorFailed: (source: Source, error: ImageError) => void): Promise<T> {
  let first: ImageError | null = null
  for (const source of sources) {
    try {
      return await attempt(source)
    } catch (error) {
      if (!(error instanceof ImageError) || error.code === 'cancelled' || error.code === 'disk-full') throw error
      if (source.isMirror) onMirrorFailed(source, error)
      else if (error.code === 'refused' || error.code === 'not-found') first ??= error
      else throw error
    }
  }
  throw first ?? new ImageError('internal', 'No way leads to this image.', 'Ask the operator to look into the log of the host.')
}
