import { z } from 'zod'
import { podBalancerProblems } from '../load-balancer/annotations'
import { check, type Collect, type Path } from '../manifest/check'
import { annotations, dnsSubdomain, labels } from '../shared/names'
import { parseBandwidth } from './bandwidth'
import { prunePodSpec } from './kubernetes-fields'
import { mountPlaceProblems } from './mount-places'
import { podSpec, type PodSpec } from './spec'

/** What `pod.create` takes beside the namespace: a name or a prefix for one, and the spec. */
export const podName = dnsSubdomain.max(63, 'must be at most 63 characters: it is the host name of the pod')
export const generateName = z.string().min(1).max(57, 'must be at most 57 characters').regex(/^[a-z0-9][-a-z0-9]*$/, 'must be lower-case letters, digits and "-"')
export const podLabels = labels.default({})
/** Some annotations of a pod mean something here, and are refused where they cannot. */
export const checkedPodAnnotations = annotations.superRefine((value, context) => {
  for (const { annotation, message } of [...parseBandwidth(value).problems, ...podBalancerProblems(value)]) context.addIssue({ code: 'custom', path: [annotation], message })
})
export const podAnnotations = checkedPodAnnotations.default({})

/** Every host, list and scheduling cycle carries whole specs, so one tenant's may not weigh on all. */
const maxSpecBytes = 64 << 10

/** Reads a pod's `spec` as Kubernetes writes it: fills defaults, reports every problem. The same in browser and server. */
export function readPodSpec(value: unknown, path: Path, collect: Collect): PodSpec | null {
  let refused = false
  const pruned = prunePodSpec(value, path, (at, message) => {
    refused = true
    collect(at, message)
  })
  const size = JSON.stringify(pruned ?? null).length
  if (size > maxSpecBytes) {
    collect(path, `takes ${Math.ceil(size / 1024)} KiB, more than ${maxSpecBytes / 1024}: put large configuration into the image`)
    return null
  }
  const spec = check(podSpec, pruned, path, collect)
  const places = spec ? mountPlaceProblems(spec) : []
  for (const problem of places) collect([...path, ...problem.path], problem.message)
  return refused || places.length > 0 ? null : spec
}
