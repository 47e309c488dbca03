import type { Labels } from '../shared/names'
import { parseQuantity } from '../shared/quantity'

/** Kubernetes' annotations, in bits a second: to the pod and from it. They may change while the pod runs. */
export const bandwidthAnnotations = { ingress: 'kubernetes.io/ingress-bandwidth', egress: 'kubernetes.io/egress-bandwidth' } as const
/** Bits a second; null: no limit. */
export type Bandwidth = { ingress: number | null; egress: number | null }

/** Kubernetes' own bounds: 1k to 1P bits a second. */
const [least, most] = [1e3, 1e15]

/** What a pod's annotations say of its bandwidth; null: nothing. `problems`: what is no such quantity, which counts as not written. */
export function parseBandwidth(annotations: Labels): { bandwidth: Bandwidth | null; problems: { annotation: string; message: string }[] } {
  const problems: { annotation: string; message: string }[] = []
  const read = (annotation: string): number | null => {
    const text = Object.hasOwn(annotations, annotation) ? annotations[annotation] : undefined
    if (text === undefined) return null
    const bits = parseQuantity(text)
    if (bits !== null && bits >= least && bits <= most) return Math.ceil(bits)
    problems.push({ annotation, message: `must be a quantity of bits a second from 1k to 1P, as in 10M, not "${text.slice(0, 64)}"` })
    return null
  }
  const bandwidth = { ingress: read(bandwidthAnnotations.ingress), egress: read(bandwidthAnnotations.egress) }
  return { bandwidth: bandwidth.ingress === null && bandwidth.egress === null ? null : bandwidth, problems }
}
