/** What can go wrong with an image: a closed vocabulary that reports and tests decide by, never by text. */
export const imageErrorCodes = [
  'invalid-reference',
  'not-found',
  'not-present',
  'refused',
  'unreachable',
  'too-large',
  'malformed',
  'disk-full',
  'unsupported-platform',
  'cancelled',
  'internal',
] as const
export type ImageErrorCode = (typeof imageErrorCodes)[number]

/**
 * A failure that the tenant may read: `message` is the cause, `action` what to do next. `detail` is for the operator's
 * log only (the end of a command's output, paths of the host).
 */
export class ImageError extends Error {
  constructor(
    readonly code: ImageErrorCode,
    message: string,
    readonly action: string,
    readonly detail?: string,
  ) {
    super(message)
    this.name = 'ImageError'
  }

  /** Whether trying again without any change may help: the kubelet's back-off (ImagePullBackOff) goes on for these. */
  get transient(): boolean {
    return this.code === 'unreachable' || this.code === 'disk-full' || this.code === 'internal'
  }
}

export const publishAnew = 'Build and push the image again, or choose another one.'

/** An image whose bytes break a rule: the publisher must build it anew. */
export const malformed = (message: string): ImageError => new ImageError('malformed', message, publishAnew)

/** An image beyond a limit of this host. */
export const tooLarge = (message: string): ImageError =>
  new ImageError('too-large', message, 'Use a smaller image, or ask the operator to raise the limit for images.')

export const cancelled = (): ImageError => new ImageError('cancelled', 'The pull was cancelled.', 'Nothing to do: it starts again when a pod needs the image.')

/** Turns anything thrown below the store into an {@link ImageError}; a full disk is told apart by its errno. */
export function asImageError(error: unknown): ImageError {
  if (error instanceof ImageError) return error
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const detail = error instanceof Error ? error.message : String(error)
  if (code === 'ENOSPC' || code === 'EDQUOT' || /no space left on device|disk quota exceeded/i.test(detail)) return diskFull(detail)
  if (code === 'ABORT_ERR') return cancelled()
  return new ImageError('internal', 'The host could not prepare the image.', 'Ask the operator to look into the log of the host.', detail)
}

export const diskFull = (detail?: string): ImageError =>
  new ImageError('disk-full', 'The host has no disk space left for this image.', 'Ask the operator to free space on the host; the pull is tried again.', detail)

/** Every image that the host keeps is used by one of its pods, and together they take what images may. */
export const cacheFull = (detail: string): ImageError =>
  new ImageError('disk-full', 'The host has no room left for this image: its pods use all that images may take.', 'Ask the operator to raise HYPERNETES_IMAGE_CACHE_GIB or to add hosts, or delete pods; the pull is tried again.', detail)
