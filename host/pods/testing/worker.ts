import type { Assignment, HostEvent } from '@/contracts/host/v1'
import type { ContainerStatus } from '@/domain/pod/status'
import type { PodConfiguration } from '@/domain/pod/configuration'
import type { LedgerEntry } from '@/host/ledger/entry'
import { PodWorker } from '../pod-worker'
import type { FakeHost } from './fake-host'

/** A worker on a fake host, with the events that it tells. */
export function startWorker(host: FakeHost, assignment: Assignment, found: LedgerEntry | null = null, configuration: PodConfiguration | null = null) {
  const events: HostEvent[] = []
  const worker = new PodWorker(
    {
      ports: host.ports,
      vmUids: host.uidPool,
      logs: host.podLogs(assignment.uid),
      ledger: host.ledgerPort,
      configuration,
      hostName: 'host-1',
      onChange: () => {},
      onProgress: () => {},
      onEvent: (event) => events.push(event),
      onPull: () => {},
      log: { warn: () => {} },
    },
    assignment,
    found,
  )
  const status = (container: string): ContainerStatus => {
    const found = worker.report().containers.find((c) => c.name === container)
    if (!found) throw new Error(`no container ${container}`)
    return found
  }
  const condition = (type: string) => worker.report().conditions.find((c) => c.type === type)
  const eventsOf = (reason: string) => events.filter((event) => event.reason === reason)
  return { worker, events, status, condition, eventsOf }
}

export const deletion = (assignment: Assignment, graceSeconds: number): Assignment => ({ ...assignment, deletion: { graceSeconds } })
