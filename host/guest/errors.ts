import type { GuestErrorCode } from '@/contracts/guest/v1/messages'

/** The guest refused a request or could not carry it out. The message is the guest's and thus the tenant's. */
export class GuestRequestError extends Error {
  override readonly name = 'GuestRequestError'

  constructor(
    readonly method: string,
    readonly code: GuestErrorCode,
    message: string,
    /** A container, a disk's serial, a user, a path. */
    readonly object: string,
  ) {
    super(message)
  }
}

/** The guest's agent cannot be reached, does not answer in time, or broke the protocol. */
export class GuestConnectionError extends Error {
  override readonly name = 'GuestConnectionError'
}
