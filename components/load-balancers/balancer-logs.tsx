'use client'
import { useMemo, useState } from 'react'
import type { BalancerLogLine } from '@/domain/load-balancer/view'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { FailureCallout } from '@/components/patterns/failure'
import { LogBuffer } from '@/components/patterns/logs/log-buffer'
import { LogViewer } from '@/components/patterns/logs/log-viewer'
import { Callout } from '@/components/ui/callout'
import { Segmented } from '@/components/ui/segmented'
import { TextLink } from '@/components/ui/text-link'
import { useBalancer } from './balancer-frame'
import { logEntry, logFilters, passesFilter } from './log-lines'
import { useBalancerLog } from './use-balancer-log'

const filterWords = { all: ['All', 'Every request'], errors: ['Errors', 'Answered by 4xx or 5xx, or not at all'], slow: ['Slow', 'Took a second or longer'] } as const
/** What the page keeps to filter anew. */
const keep = 50_000

/** Its access log, followed. The filter stands in the address. */
export function BalancerLogs() {
  const { at, balancer: { metadata, model, status } } = useBalancer()
  const query = useQueryString()
  const filter = logFilters.find((each) => each === query.get('show')) ?? 'all'
  const [lines] = useState<BalancerLogLine[]>([])
  const buffer = useMemo(() => new LogBuffer(lines.filter((line) => passesFilter(line, filter)).map(logEntry)), [lines, filter])
  const log = useBalancerLog((more) => {
    lines.push(...more)
    if (lines.length > 2 * keep) lines.splice(0, lines.length - keep)
    buffer.append(more.filter((line) => passesFilter(line, filter)).map(logEntry))
  })
  const { logOneOf } = model?.options ?? { logOneOf: 1 }
  return (
    <>
      {log.status === 'broken' && log.failure && status.phase !== 'Pending' && <FailureCallout failure={log.failure} title="The log cannot be followed; it is tried again" onRetry={log.again} />}
      {logOneOf === null && <Callout title="Nothing is logged">Its option “Log one request of” is off. <TextLink size="sm" href={paths.editLoadBalancerOptions(...at)}>Change options</TextLink></Callout>}
      <LogViewer
        label={`Log of ${metadata.name}`}
        buffer={buffer}
        fileName={`${metadata.namespace}-${metadata.name}-requests.log`}
        toolbar={<Segmented size="sm" label="Which requests" value={filter} onChange={(next) => query.replace({ show: next === 'all' ? null : next })} options={logFilters.map((value) => ({ value, label: filterWords[value][0], hint: filterWords[value][1] }))} />}
        status={log.status === 'following' ? (logOneOf !== null && logOneOf > 1 ? `Following one of ${logOneOf.toLocaleString('en')}` : 'Following') : 'Connecting…'}
        empty={status.phase === 'Pending' ? 'It does not run yet.' : filter === 'all' ? 'No requests yet.' : 'No such requests among those that are known here.'}
      />
    </>
  )
}
