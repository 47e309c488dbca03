import { randomUUID } from 'node:crypto'
import type { Assignment } from '@/contracts/host/v1'
import { podSpec, type PodSpecInput } from '@/domain/pod/spec'

/** An assignment for tests: one container that runs the sample image, in a network of its own. */
export function testAssignment(spec: Partial<PodSpecInput> = {}, rest: Partial<Omit<Assignment, 'spec'>> = {}): Assignment {
  return {
    uid: randomUUID(),
    tenantId: '0123456789abcdef0123456789abcdef',
    namespace: 'default',
    name: 'web',
    generation: 1,
    hostname: 'web',
    labels: {},
    annotations: {},
    spec: podSpec.parse({ containers: [{ name: 'web', image: 'sample:1' }], ...spec }),
    size: { vcpus: 1, memoryMiB: 128, scratchMiB: null },
    configurationRevision: null,
    network: { id: randomUUID(), number: 1, name: 'default', cidr: '10.0.0.0/24', gateway: '10.0.0.1', outbound: 'none', address: '10.0.0.5', prefixLength: 24, mac: '02:00:00:00:00:05', dns: [] },
    deletion: null,
    ...rest,
  }
}
