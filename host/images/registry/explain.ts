import { formatReference, type ImageReference } from '@/domain/image/reference'
import { ExecError } from '@/platform/exec'
import { asImageError, malformed, type ImageError } from '../image-error'
import type { RegistryAuth } from './auth-file'
import { classify, closedDoor, directDial, type Asked } from './classify'
import type { Egress } from './egress'
import { forbiddenRegistry, privateRegistry } from './forbidden'
import { maxManifestBytes } from './manifest'

/** What a tenant is told of a failed call. Of a private network it learns nothing that tells an open port from a closed one. */
export function explained(error: unknown, reference: ImageReference, auth: RegistryAuth | undefined, egress: Pick<Egress, 'refused' | 'notes' | 'touchedPrivate' | 'listeners'> | null): ImageError {
  if (!(error instanceof ExecError) || (error.code === null && error.signal === null)) return asImageError(error)
  const { registry } = reference
  if (egress?.refused) return (egress.refused.kind === 'private' ? privateRegistry : forbiddenRegistry)(registry, egress.refused.place)
  if (error.flooded) return malformed(`The manifest of ${formatReference(reference)} is larger than ${maxManifestBytes} bytes.`)
  const direct = directDial(error.stderr)
  if (direct !== null && !egress?.listeners.some(({ address, port }) => direct === `${address}:${port}`)) return forbiddenRegistry(registry, direct)
  const told = classify(`${error.stderr}\n${egress?.notes ?? ''}`.trim(), asked(reference, auth), error.signal !== null)
  return egress?.touchedPrivate && told.code === 'unreachable' ? closedDoor(registry, told.detail) : told
}

export const asked = (reference: ImageReference, auth: RegistryAuth | undefined): Asked => ({
  image: formatReference(reference),
  registry: reference.registry,
  authenticated: auth !== undefined,
})
