'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useDeferredValue } from 'react'
import { labels } from '@/domain/shared/names'
import { formatCount } from '@/components/client/formats'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnPodEvents } from '@/components/client/use-pod-events'
import { readLabels } from '@/components/config-maps/labels-text'
import { selectorText } from './words'

const shown = 4

/** Which pods a selector chooses now, as it is typed. */
export function SelectorPreview({ tenant, namespace, selector }: { tenant: string; namespace: string; selector: string }) {
  const trpc = useTRPC()
  const chosen = labels.safeParse(readLabels(useDeferredValue(selector)))
  const text = chosen.success ? selectorText(chosen.data) : ''
  const input = { tenant, namespace, limit: shown, labelSelector: text }
  const pods = useQuery({ ...trpc.pod.list.queryOptions(input), enabled: text !== '', placeholderData: keepPreviousData })
  useRefreshOnPodEvents(tenant, trpc.pod.list.queryKey(input))
  const { data } = pods
  const names = data?.items.map(({ metadata }) => metadata.name) ?? []
  return (
    <p role="status" className="min-h-4 text-xs text-faint">
      {!chosen.success
        ? 'A line is not a label yet: key=value.'
        : text === ''
          ? 'Without a selector its endpoints are written by hand.'
          : pods.error
            ? 'The pods cannot be asked for now.'
            : data && <>Selects <span className={data.total === 0 ? 'text-notice-content' : 'text-content'}>{formatCount(data.total, 'pod')}</span> of {namespace}{names.length > 0 && <>: {names.join(', ')}{data.total > names.length && ` + ${data.total - names.length}`}</>}</>}
    </p>
  )
}
