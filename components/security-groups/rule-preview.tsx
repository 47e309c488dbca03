'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import type { RuleChange } from '@/domain/network/rule-preview'
import type { SecurityGroupSpec } from '@/domain/security-group/spec'
import { formatCount } from '@/components/client/formats'
import { useTRPC } from '@/components/client/trpc'
import { QueryFailure } from '@/components/patterns/failure'
import { Panel } from '@/components/ui/panel'
import { Skeleton } from '@/components/ui/skeleton'
import { StateMark } from '@/components/ui/state-badge'

/** How long a draft must rest before its preview is asked for. */
const restMs = 400

/** What the rules would do to the network's pods as they are now. `spec` is null while a row is wrong; it is the same object while nothing changes. */
export function RulePreview({ tenant, group, spec }: { tenant: string; group: string; spec: SecurityGroupSpec | null }) {
  const trpc = useTRPC()
  const rested = useRested(spec)
  const preview = useQuery({ ...trpc.network.previewRules.queryOptions({ tenant, group, spec: rested ?? { network: 'default' } }), enabled: rested !== null, placeholderData: keepPreviousData, staleTime: 0 })
  const { data } = preview
  return (
    <Panel title="What changes" description={data && `for ${formatCount(data.members, 'pod')} of this group, as pods are now`}>
      <div aria-live="polite" aria-busy={preview.isFetching} className="flex flex-col gap-2">
        {spec === null && <p className="text-sm text-faint">A field is not right yet. Once all are, what the rules would change stands here.</p>}
        {preview.error && spec !== null && <QueryFailure error={preview.error} title="What changes cannot be said" onRetry={() => void preview.refetch()} />}
        {spec !== null && preview.isPending && <Skeleton className="h-5 w-64" />}
        {spec !== null && data && !preview.error && (data.changes.length === 0
          ? <p className="text-sm text-soft">{data.members === 0 ? 'The group has no pods yet: nothing changes now.' : 'Nothing: the same traffic passes as before.'}</p>
          : (
            <ul className="flex flex-col gap-1.5">
              {data.changes.map((change) => <Change key={`${change.allowed} ${change.traffic} ${change.from.join()} ${change.to.join()}`} change={change} />)}
            </ul>
          ))}
        {spec !== null && data && data.total > data.changes.length && <p className="text-xs text-faint">And {data.total - data.changes.length} more.</p>}
        {spec !== null && data?.truncated && <p className="text-xs text-faint">The network has more pods or ports than are looked at here.</p>}
      </div>
    </Panel>
  )
}

function Change({ change: { allowed, traffic, from, fromCount, to, toCount } }: { change: RuleChange }) {
  return (
    <li className="flex items-start gap-2 text-sm">
      <StateMark shape={allowed ? 'running' : 'failed'} className="mt-1" />
      <span className="min-w-0 break-words">
        <strong className="font-medium">{allowed ? 'Lets through' : 'Cuts off'}</strong> {traffic} from <Names names={from} count={fromCount} /> to <Names names={to} count={toCount} />
      </span>
    </li>
  )
}

const Names = ({ names, count }: { names: readonly string[]; count: number }) => <><code className="font-mono text-xs">{names.join(', ')}</code>{count > names.length && ` and ${count - names.length} more`}</>

/** A value once it has rested; it must be the same one as long as it says the same. */
function useRested<T>(value: T): T {
  const [rested, setRested] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setRested(() => value), restMs)
    return () => clearTimeout(timer)
  }, [value])
  return rested
}
