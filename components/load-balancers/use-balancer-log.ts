'use client'
import { useEffect, useRef, useState } from 'react'
import type { BalancerLogLine } from '@/domain/load-balancer/view'
import { toFailure, type Failure } from '@/components/client/errors'
import { useTRPCClient } from '@/components/client/trpc'
import { openStream } from '@/components/patterns/terminal/stream'
import { useBalancer } from './balancer-frame'
import { LineReader, readLogLine } from './log-lines'

/** How many earlier lines a log that is followed begins with. */
const tailLines = 2000
/** How long after a break it is tried again, in milliseconds. */
const againAfter = 2_000

type State = { status: 'connecting' | 'following' | 'broken'; failure: Failure | null }

/** Follows the balancer's log for as long as the page is shown; after a break it goes on where it was. `onLines` gets each line once. */
export function useBalancerLog(onLines: (lines: readonly BalancerLogLine[]) => void): State & { again: () => void } {
  const { at: [tenant, source, namespace, name] } = useBalancer()
  const api = useTRPCClient()
  const [state, setState] = useState<State>({ status: 'connecting', failure: null })
  const [attempt, setAttempt] = useState(0)
  const take = useRef(onLines)
  useEffect(() => { take.current = onLines })
  const newest = useRef({ time: '', lines: new Set<string>() })
  useEffect(() => {
    let over = false
    let close = () => {}
    let timer: ReturnType<typeof setTimeout> | undefined
    const retry = (failure: Failure) => {
      if (over) return
      setState({ status: 'broken', failure })
      timer = setTimeout(() => setAttempt((before) => before + 1), againAfter)
    }
    const run = async () => {
      try {
        const { ticket } = await api.loadBalancer.openLog.mutate({ tenant, source, namespace, name, tailLines, follow: true })
        if (over) return
        const reader = new LineReader()
        const stream = openStream(ticket, {
          onOpen: () => setState({ status: 'following', failure: null }),
          onOutput: (bytes) => take.current(reader.read(bytes).flatMap((value) => readLogLine(value) ?? []).filter((line) => isNew(newest.current, line))),
          onEnd: ({ message }) => retry({ code: 'network', message: message || 'The log ended: its balancer moves, or its host stops.', problems: [], requestId: null }),
        })
        close = stream.close
      } catch (error) {
        retry(toFailure(error))
      }
    }
    void run()
    return () => { over = true; clearTimeout(timer); close() }
  }, [api, tenant, source, namespace, name, attempt])
  return { ...state, again: () => setAttempt((before) => before + 1) }
}

/** Whether a line was not shown before: lines come in order, and those of the newest time are remembered. */
function isNew(newest: { time: string; lines: Set<string> }, line: BalancerLogLine): boolean {
  if (line.time < newest.time) return false
  const key = JSON.stringify(line)
  if (line.time > newest.time) {
    newest.time = line.time
    newest.lines = new Set()
  }
  if (newest.lines.has(key)) return false
  newest.lines.add(key)
  return true
}
