import type { GuestErrorCode } from '@/contracts/guest/v1/messages'

/** A request that cannot be carried out: why, and which object it is about. */
export class GuestError extends Error {
  override readonly name = 'GuestError'

  constructor(
    readonly code: GuestErrorCode,
    message: string,
    readonly object: string,
  ) {
    super(message)
  }
}
