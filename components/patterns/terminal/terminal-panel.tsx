'use client'
import { PlugZap, RotateCw } from 'lucide-react'
import { lazy, Suspense, useState, type ReactNode } from 'react'
import { toFailure, type Failure } from '@/components/client/errors'
import { Button } from '@/components/ui/button'
import { Spinner } from '@/components/ui/spinner'
import { FailureCallout } from '../failure'
import type { StreamEnd } from './stream'
import type { TerminalScreenProps } from './terminal-screen'

const Screen = lazy(() => import('./terminal-screen').then((module) => ({ default: module.TerminalScreen })))

type Stage = { at: 'opening' } | { at: 'open' } | { at: 'ended'; end: StreamEnd } | { at: 'refused'; failure: Failure }

type TerminalPanelProps = {
  label: string
  openTicket: (size: { columns: number; rows: number }) => Promise<string>
  /** Why no terminal can be opened now; it is shown with what to do. */
  blocked?: string | null
  toolbar?: ReactNode
  /** Whose end is told: a shell of its own where left out. */
  words?: TerminalWords
  screen?: Pick<TerminalScreenProps, 'readOnly' | 'barePipes'>
}

export type TerminalWords = { process: string; afterLoss: string; again: string; refused: string }
const ofShell: TerminalWords = { process: 'The shell', afterLoss: 'What ran in the terminal may have been stopped.', again: 'Open a new terminal', refused: 'The terminal cannot be opened' }

/** A terminal at full height with what became of it: opening, open, ended with its reason, refused. */
export function TerminalPanel({ label, openTicket, blocked, toolbar, words = ofShell, screen }: TerminalPanelProps) {
  const [attempt, setAttempt] = useState(0)
  const [stage, setStage] = useState<Stage>({ at: 'opening' })
  const again = () => { setStage({ at: 'opening' }); setAttempt((n) => n + 1) }
  // A terminal that is open stays to show its last lines when the pod goes.
  const closedDoor = blocked && attempt === 0 && stage.at === 'opening'
  return (
    <section aria-label={label} className="flex h-[calc(100dvh-184px)] min-h-80 flex-col overflow-hidden rounded-lg border border-stroke bg-sunken">
      <div className="flex min-h-10 flex-wrap items-center justify-between gap-2 border-b border-stroke bg-raise px-3 py-1">
        <div className="flex items-center gap-2">{toolbar}</div>
        <p role="status" className="flex items-center gap-1.5 text-xs text-faint">
          {closedDoor ? 'Not available' : stage.at === 'opening' ? <><Spinner className="size-3" />Connecting…</> : stage.at === 'open' ? <><span className="size-1.5 rounded-full bg-success" aria-hidden />Connected</> : 'Closed'}
        </p>
      </div>
      {closedDoor
        ? <Notice title="No terminal now">{blocked}</Notice>
        : (
          <>
            <div className="min-h-0 flex-1">
              <Suspense fallback={null}>
                <Screen key={attempt} {...screen} label={label} openTicket={openTicket} onOpen={() => setStage({ at: 'open' })} onEnd={(end) => setStage({ at: 'ended', end })} onRefused={(error) => setStage({ at: 'refused', failure: toFailure(error) })} />
              </Suspense>
            </div>
            {stage.at === 'ended' && (
              <Footer action={<Button size="sm" icon={<RotateCw className="size-3.5" />} onClick={again}>{words.again}</Button>}>{describeEnd(stage.end, words)}</Footer>
            )}
            {stage.at === 'refused' && <div className="border-t border-stroke bg-raise p-3"><FailureCallout failure={stage.failure} title={words.refused} onRetry={again} /></div>}
          </>
        )}
    </section>
  )
}

function describeEnd(end: StreamEnd, { process, afterLoss }: TerminalWords): string {
  if (end.kind === 'lost') return `${end.message} ${afterLoss}`
  return end.exitCode === null ? end.message || 'The terminal was closed.' : `${process} ended with exit code ${end.exitCode}.${end.message ? ` ${end.message}` : ''}`
}

function Notice({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="flex flex-1 flex-col items-center justify-center gap-2 p-8 text-center">
      <PlugZap className="size-5 text-faint" aria-hidden />
      <p className="font-medium">{title}</p>
      <p className="max-w-110 text-sm text-faint">{children}</p>
    </div>
  )
}

function Footer({ action, children }: { action: ReactNode; children: ReactNode }) {
  return <div role="status" className="flex flex-wrap items-center justify-between gap-3 border-t border-stroke bg-raise px-3 py-2 text-sm text-soft">{children}{action}</div>
}
