import type { Labels } from '../shared/names'

/** A volume's labels: all of them, and those of these that it has of its claim and nobody set on the volume. */
export type VolumeLabels = { labels: Labels; claimLabels: Labels }

/**
 * The labels of a volume whose claim has these. What somebody set on the volume itself stays and wins; what it has of its claim follows the claim's, and cannot be taken away at
 * the volume. `volume.labels`: as they are, or as somebody wants them, who may have read the claim's with them.
 */
export function followClaim({ labels, claimLabels }: VolumeLabels, ofClaim: Labels): VolumeLabels {
  const own = Object.entries(labels).filter(([key, value]) => !(Object.hasOwn(claimLabels, key) && claimLabels[key] === value))
  const set = new Set(own.map(([key]) => key))
  const given = Object.entries(ofClaim).filter(([key]) => !set.has(key))
  return { labels: Object.fromEntries([...given, ...own]), claimLabels: Object.fromEntries(given) }
}
