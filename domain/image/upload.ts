import { formatReference, parseReference, publicDefaultRegistry } from './reference'

/** What one upload may have, and all of a tenant's together. Bytes. */
export const maxUploadBytes = 10 * 2 ** 30
export const maxTenantUploadBytes = 50 * 2 ** 30

/**
 * The name under which an upload is kept, and by which pods find it: in full, where a name without a registry means
 * docker.io, whatever registry the installation has as its default. Null for what is no reference, or names a digest.
 */
export function uploadReference(text: string): string | null {
  const parsed = parseReference(text, publicDefaultRegistry)
  return parsed.ok && parsed.value.digest === null ? formatReference(parsed.value) : null
}

/** A reference as people write it: without docker.io and its library. */
export const shortReference = (reference: string): string => reference.replace(/^docker\.io\/(library\/)?/, '')
