'use client'
import { useSubscription } from '@trpc/tanstack-react-query'
import { useEffect, useState } from 'react'
import { toFailure } from '@/components/client/errors'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { FailureCallout } from '@/components/patterns/failure'
import { LogBuffer } from '@/components/patterns/logs/log-buffer'
import { LogViewer } from '@/components/patterns/logs/log-viewer'
import { Checkbox } from '@/components/ui/checkbox'
import { ContainerPicker } from './container-picker'
import { usePod } from './pod-frame'
import { readLogEvent } from './log-events'

/** The log of a container, followed; or of the container before its last restart. */
export function PodLogs() {
  const { pod } = usePod()
  const query = useQueryString()
  const containers = pod.spec.containers.map((c) => c.name)
  const container = containers.find((each) => each === query.get('container')) ?? containers[0] ?? ''
  const previous = query.get('previous') === '1'
  const restarted = (pod.status.containers.find((c) => c.name === container)?.restartCount ?? 0) > 0
  return (
    <Following
      key={`${container} ${previous}`}
      container={container}
      previous={previous}
      toolbar={(
        <>
          <ContainerPicker containers={containers} value={container} onChange={(next) => query.replace({ container: next, previous: null })} />
          {(restarted || previous) && <Checkbox label="Before the last restart" checked={previous} onChange={(event) => query.replace({ previous: event.target.checked ? '1' : null })} className="text-xs" />}
        </>
      )}
    />
  )
}

function Following({ container, previous, toolbar }: { container: string; previous: boolean; toolbar: React.ReactNode }) {
  const { tenant, pod } = usePod()
  const trpc = useTRPC()
  const [buffer] = useState(() => new LogBuffer())
  useEffect(() => () => buffer.clear(), [buffer])
  const { namespace, name } = pod.metadata
  const scheduled = pod.status.hostName !== null
  const follow = useSubscription(trpc.pod.followLogs.subscriptionOptions({ tenant, namespace, name, container, previous, tailLines: 2000 }, {
    enabled: scheduled,
    onData: (data) => buffer.append(readLogEvent(data)),
  }))
  return (
    <>
      {follow.status === 'error' && <FailureCallout failure={toFailure(follow.error)} title="The log cannot be followed" onRetry={follow.reset} />}
      <LogViewer
        label={`Log of ${container} in ${name}`}
        buffer={buffer}
        fileName={`${namespace}-${name}-${container}.log`}
        toolbar={toolbar}
        status={follow.status === 'pending' ? 'Following' : follow.status === 'connecting' ? 'Connecting…' : follow.status === 'idle' ? 'Ended' : ''}
        empty={!scheduled ? 'The pod waits for a host; its log begins with its first container.' : previous ? 'The container before the last restart wrote nothing.' : 'No lines yet.'}
      />
    </>
  )
}
