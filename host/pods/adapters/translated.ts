import { GuestRequestError } from '@/host/guest/errors'
import { GuestRefusal } from '../ports'

/** The agent's refusals as the workers know them. */
export async function translated<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof GuestRequestError) throw new GuestRefusal(error.code, error.message, error.object)
    throw error
  }
}
