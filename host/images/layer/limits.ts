/** Bounds of one image, so that a hostile one costs a bounded amount of disk, memory and time. */
export type ImageLimits = {
  /** Bytes of all layers, unpacked; files that a later layer hides count too. */
  maxBytes: number
  /** Entries of all layers. */
  maxEntries: number
  /** Bytes of names, link targets and extended attributes of all layers: they are held in memory. */
  maxMetadataBytes: number
}

/** Linux' limits: NAME_MAX, PATH_MAX without the final NUL, and XATTR_SIZE_MAX. */
export const maxNameBytes = 255
export const maxPathBytes = 4095
export const maxXattrBytes = 65_536

export const defaultLimits: ImageLimits = { maxBytes: 10 * 2 ** 30, maxEntries: 500_000, maxMetadataBytes: 256 * 2 ** 20 }
