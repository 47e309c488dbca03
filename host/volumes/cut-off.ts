import { VolumeError, type VolumeErrorCode } from './store'
import type { Volume, VolumeStep } from './volume'

/** They run programs on the image, which keep its lock where they are killed. */
export const changing: readonly VolumeStep[] = ['revert', 'grow', 'flatten', 'purge']

const refusals: readonly VolumeErrorCode[] = ['NoSpace', 'NotFound', 'Stale', 'TooManySnapshots']

/** Who is refused so has left nothing in the store. */
export const leavesNothing = (error: unknown): boolean => error instanceof VolumeError && refusals.includes(error.code)

/** The same of what is done to a volume's image for its snapshots, in the volume's turn: where it fails, whoever did it is cleared away before anybody opens the volume. Settles as the work does. */
export async function onImage<T>(volume: Pick<Volume, 'cutOff'>, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    volume.cutOff(error)
    throw error
  }
}
