'use client'
import { useQuery } from '@tanstack/react-query'
import { useSubscription } from '@trpc/tanstack-react-query'
import { useMemo, useState, type ReactNode } from 'react'
import { containersOf } from '@/domain/pod/container-of'
import { podActions } from '@/domain/pod/transitions'
import { toFailure } from '@/components/client/errors'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { FailureCallout } from '@/components/patterns/failure'
import { LogBuffer } from '@/components/patterns/logs/log-buffer'
import { LogViewer } from '@/components/patterns/logs/log-viewer'
import { ReplayFilter } from '@/components/patterns/logs/replay-filter'
import { Checkbox } from '@/components/ui/checkbox'
import { ContainerPicker } from './container-picker'
import { readLogEvent } from './log-events'
import { usePod } from './pod-frame'

/** How many earlier lines a log that is followed begins with. */
const tailLines = 2000

/** The log of a container, followed; or of the container before its last restart. */
export function PodLogs() {
  const { pod } = usePod()
  const query = useQueryString()
  const containers = containersOf(pod.spec).map((c) => c.spec.name)
  const container = containers.find((each) => each === query.get('container')) ?? pod.spec.containers[0]?.name ?? ''
  const previous = query.get('previous') === '1'
  const restarted = (pod.status.containers.find((c) => c.name === container)?.restartCount ?? 0) > 0
  const Log = previous ? Previous : Following
  return (
    <Log
      key={`${container} ${previous}`}
      container={container}
      toolbar={(
        <>
          <ContainerPicker containers={containers} value={container} onChange={(next) => query.replace({ container: next, previous: null })} />
          {(restarted || previous) && <Checkbox label="Before the last restart" checked={previous} onChange={(event) => query.replace({ previous: event.target.checked ? '1' : null })} className="items-center text-xs [&>input]:mt-0" />}
        </>
      )}
    />
  )
}

type LogProps = { container: string; toolbar: ReactNode }

function Following({ container, toolbar }: LogProps) {
  const { tenant, pod } = usePod()
  const trpc = useTRPC()
  const [buffer] = useState(() => new LogBuffer())
  const [replay] = useState(() => new ReplayFilter(tailLines))
  const { namespace, name } = pod.metadata
  const reason = podActions.readLogs(pod)
  const follow = useSubscription(trpc.pod.followLogs.subscriptionOptions({ tenant, namespace, name, container, tailLines }, {
    enabled: reason === null,
    onStarted: () => replay.begin(),
    onData: (data) => buffer.append(replay.take(readLogEvent(data))),
  }))
  return (
    <>
      {follow.status === 'error' && <FailureCallout failure={toFailure(follow.error)} title="The log cannot be followed" onRetry={follow.reset} />}
      <LogViewer
        label={`Log of ${container} in ${name}`}
        buffer={buffer}
        fileName={`${namespace}-${name}-${container}.log`}
        toolbar={toolbar}
        status={follow.status === 'pending' ? 'Following' : follow.status === 'connecting' ? 'Connecting…' : ''}
        empty={reason ?? 'No lines yet.'}
      />
    </>
  )
}

function Previous({ container, toolbar }: LogProps) {
  const { tenant, pod } = usePod()
  const trpc = useTRPC()
  const { namespace, name } = pod.metadata
  const log = useQuery(trpc.pod.logs.queryOptions({ tenant, namespace, name, container, previous: true, tailLines: 10_000 }))
  const buffer = useMemo(() => new LogBuffer((log.data?.lines ?? []).map((line) => ({ kind: 'line', ...line }))), [log.data])
  return (
    <>
      {log.error && <FailureCallout failure={toFailure(log.error)} title="The log cannot be read" onRetry={() => void log.refetch()} />}
      <LogViewer label={`Earlier log of ${container} in ${name}`} buffer={buffer} fileName={`${namespace}-${name}-${container}-previous.log`} toolbar={toolbar} status="Ended" empty="The container before the last restart wrote nothing." />
    </>
  )
}
