'use client'
import { useSyncExternalStore } from 'react'
import { useNow } from '@/components/client/clock'
import { formatAgo, formatExact, formatIn, formatSpan, NOTHING } from '@/components/client/formats'
import { Tooltip } from '@/components/ui/tooltip'

/** When something happened, relative; exact in the tooltip. */
export function Ago({ time }: { time: string | null | undefined }) {
  const now = useNow()
  if (!time) return <span className="text-faint">{NOTHING}</span>
  return (
    <Tooltip text={formatExact(time)} describes={false}>
      <time dateTime={time} className="whitespace-nowrap">{now === undefined ? time.slice(0, 10) : formatAgo(time, now)}</time>
    </Tooltip>
  )
}

/** How long something has been so: "14 s". */
export function Since({ time }: { time: string | null | undefined }) {
  const now = useNow()
  if (!time || now === undefined) return null
  return <>{formatSpan(now - Date.parse(time))}</>
}

const never = () => () => undefined

/** A moment that is still to come, or that counts to the second: exact in the reader's zone. The server knows no zone, so its HTML has it in UTC. */
export function Exact({ time }: { time: string }) {
  const text = useSyncExternalStore(never, () => formatExact(time), () => formatExact(time, 'UTC'))
  return <time dateTime={time}>{text}</time>
}

/** A moment that is still to come: exact, and how long until then. */
export function Coming({ time }: { time: string }) {
  const now = useNow()
  return <><span className="whitespace-nowrap"><Exact time={time} /></span>{now !== undefined && <span className="whitespace-nowrap text-faint">{` ${formatIn(time, now)}`}</span>}</>
}
