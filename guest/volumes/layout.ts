/** The last bytes of a disk, which a file system that the guest makes leaves free: what says that one is being made lies there. */
export const tailBytes = 64 * 1024

/** Left in the tail for as long as a file system is being made: what such a disk holds is of nobody. */
export const makingMark = 'hypernetes: a file system is being made here\n'

/** Where the tail begins. It lies at a multiple of its own length. */
export function tailOffset(size: number): number {
  return (Math.floor(size / tailBytes) - 1) * tailBytes
}
