'use client'
import { Radar } from 'lucide-react'
import { useState } from 'react'
import type { ProbeOutcome, ReachabilityAnswer, ReachabilityProbe, ReachabilityQuestion } from '@/domain/network/reachability'
import { toFailure, type Failure } from '@/components/client/errors'
import { formatExact } from '@/components/client/formats'
import { useTRPCClient } from '@/components/client/trpc'
import { FailureCallout } from '@/components/patterns/failure'
import { Button } from '@/components/ui/button'
import { Panel } from '@/components/ui/panel'
import { StateBadge, type StateShape } from '@/components/ui/state-badge'

const outcomes: Record<ProbeOutcome, { word: string; shape: StateShape }> = {
  open: { word: 'Reached', shape: 'running' },
  refused: { word: 'Refused', shape: 'stopped' },
  unreachable: { word: 'Unreachable', shape: 'failed' },
  silent: { word: 'No answer', shape: 'failed' },
  failed: { word: 'Could not be tried', shape: 'unknown' },
}
const formatTry = (milliseconds: number) => `${milliseconds.toLocaleString('en', { maximumFractionDigits: milliseconds < 10 ? 2 : 0 })} ms`

/** Tries it for real, from the pod, when asked to. Give it the question as its key: a result is of one question. */
export function Probe({ tenant, question, answer }: { tenant: string; question: ReachabilityQuestion; answer: ReachabilityAnswer }) {
  const api = useTRPCClient()
  const [pending, setPending] = useState(false)
  const [failure, setFailure] = useState<Failure | null>(null)
  const [result, setResult] = useState<{ probe: ReachabilityProbe; at: string } | null>(null)
  const tryIt = async () => {
    setPending(true)
    setFailure(null)
    try {
      setResult({ probe: await api.network.probe.mutate({ tenant, ...question }), at: new Date().toISOString() })
    } catch (error) {
      setResult(null)
      setFailure(toFailure(error))
    }
    setPending(false)
  }
  const button = <Button icon={<Radar className="size-4" />} pending={pending} disabledReason={answer.dial ? undefined : 'There is no address to try.'} onClick={() => void tryIt()}>{result ? 'Try again' : 'Try it from the pod'}</Button>
  return (
    <Panel title="A real try" actions={button}>
      <div aria-live="polite" className="flex flex-col gap-2">
        {failure && <FailureCallout failure={failure} title="It could not be tried" />}
        {!failure && !result && <p className="text-sm text-faint">{pending ? 'The host tries it from the pod’s own network, for at most 5 seconds…' : 'One packet or connection from the pod’s own network, sent by its host. It is audited.'}</p>}
        {result && <Result {...result} />}
      </div>
    </Panel>
  )
}

function Result({ probe, at }: { probe: ReachabilityProbe; at: string }) {
  const { word, shape } = outcomes[probe.outcome]
  return (
    <>
      <p className="flex flex-wrap items-baseline gap-x-3 gap-y-1 text-sm">
        <StateBadge shape={shape}>{word}</StateBadge>
        <span className="tabular-nums">{formatTry(probe.milliseconds)}</span>
        <code className="font-mono text-xs text-soft">{probe.target}</code>
        <span className="text-xs text-faint">{formatExact(at)}</span>
      </p>
      {probe.detail && <p className="break-words text-sm text-soft">{probe.detail}</p>}
      <p className="text-sm">{probe.agrees === null ? <span className="text-faint">Neither confirms nor contradicts the answer.</span> : probe.agrees ? <StateBadge shape="running">Agrees with the answer</StateBadge> : <StateBadge shape="failed">Differs from the answer: a rule may be on its way still, or the other side does not answer. Try again in a few seconds.</StateBadge>}</p>
    </>
  )
}
