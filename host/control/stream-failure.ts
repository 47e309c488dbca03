import type { StreamResult } from '@/contracts/host/v1/streams'
import { GuestRefusal } from '@/host/pods/ports'

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** A result that says what could not be done, why, and what to do. The guest's own word is the cause. */
export const refusal = (what: string, error: unknown, action: string): StreamResult => ({
  exitCode: null,
  error: error instanceof GuestRefusal ? `${what}: ${error.message}. ${action}` : messageOf(error),
})

export const lostPod = (error: unknown): StreamResult => ({ exitCode: null, error: `The connection to the pod was lost: ${messageOf(error)}` })
