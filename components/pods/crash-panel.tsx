'use client'
import { CircleAlert } from 'lucide-react'
import { crashesOf, describeEnd, type Crash } from '@/domain/pod/ends'
import type { PodView } from '@/domain/pod/view'
import { nextAction } from '@/domain/pod/next-actions'
import { podContainerSpec } from '@/domain/pod/container-of'
import { useNow } from '@/components/client/clock'
import { formatCount, formatMilliseconds } from '@/components/client/formats'
import { Ago } from '@/components/patterns/time'
import { CopyButton } from '@/components/ui/copyable'
import { PlaceLinks } from './next-action-links'

/** Containers that ended badly: the cause, the last words, when they are tried again and what to do; nothing where none did. */
export function CrashPanel({ tenant, pod }: { tenant: string; pod: PodView }) {
  // In the server's HTML, which names no time, a container that runs again counts as just started.
  const now = useNow() ?? 0
  const crashes = crashesOf(pod.status.containers, now)
  return crashes.map((crash) => <CrashCard key={crash.container.name} tenant={tenant} pod={pod} crash={crash} />)
}

function CrashCard({ tenant, pod, crash }: { tenant: string; pod: PodView; crash: Crash }) {
  const { container, end } = crash
  const spec = podContainerSpec(pod.spec, container.name)
  const runs = container.state === 'Running'
  const ran = end.startedAt && end.finishedAt ? Date.parse(end.finishedAt) - Date.parse(end.startedAt) : null
  const action = nextAction(end.reason) ?? nextAction(crash.waiting ? 'CrashLoopBackOff' : 'Error')
  return (
    <section aria-label={`How container ${container.name} ended`} className="min-w-0 overflow-clip rounded-lg border border-error/40 bg-raise">
      <header className="flex items-start gap-2.5 border-b border-error/40 bg-error-soft px-4 py-3">
        <CircleAlert className="mt-0.5 size-4 shrink-0 text-error" aria-hidden />
        <div className="min-w-0">
          <h2 className="text-sm font-semibold">Container <code className="font-mono text-xs">{container.name}</code> {titleOf(crash)}</h2>
          <p className="mt-0.5 break-words text-sm">{describeEnd(end, spec?.resources.limits.memory)}</p>
        </div>
      </header>
      <div className="flex flex-col gap-3 p-4 text-sm">
        <p className="flex flex-wrap gap-x-5 gap-y-1 text-xs text-soft">
          <span>Ended <Ago time={end.finishedAt || null} />{ran !== null && ran >= 0 && ` after ${formatMilliseconds(ran)}`}</span>
          <span>{formatCount(container.restartCount, 'restart')}</span>
          <span>{runs ? <>Runs again since <Ago time={container.startedAt} /></> : crash.waiting ? 'Waits to be started again' : `Is not started again: restart policy ${pod.spec.restartPolicy}`}</span>
        </p>
        {(end.message || (crash.waiting && container.message)) && <p className="max-w-180 whitespace-pre-line break-words text-soft">{crash.waiting && container.message ? container.message : end.message}</p>}
        {end.terminationMessage && <Words title="Termination message" label={`Termination message of ${container.name}`} text={end.terminationMessage} />}
        {end.lastLines.length > 0
          ? <Words title={`Last ${end.lastLines.length === 1 ? 'line' : `${end.lastLines.length} lines`}`} label={`Last lines of ${container.name}`} text={end.lastLines.join('\n')} />
          : <p className="text-xs text-faint">It printed nothing before it ended, or its last lines were not kept.</p>}
        {action && (
          <div className="text-soft">
            <p className="max-w-180"><span className="font-medium text-content">Next:</span> {action.text}</p>
            <PlaceLinks places={[...new Set([crash.container.restartCount > 0 ? 'previousLogs' as const : 'logs' as const, ...action.places.filter((place) => place !== 'previousLogs' && place !== 'logs'), 'events' as const])]} tenant={tenant} pod={pod} container={container.name} />
          </div>
        )}
      </div>
    </section>
  )
}

function titleOf({ container, end, waiting }: Crash): string {
  if (end.reason === 'OOMKilled') return waiting ? 'runs out of memory again and again' : 'ran out of memory'
  if (waiting) return 'does not stay up'
  return container.state === 'Running' ? 'ended and was started again' : 'ended'
}

function Words({ title, label, text }: { title: string; label: string; text: string }) {
  return (
    <div className="min-w-0">
      <div className="flex items-center justify-between gap-2"><h3 className="text-xs font-medium text-soft">{title}</h3><CopyButton text={text} label={`Copy ${title.toLowerCase()}`} /></div>
      <pre role="group" aria-label={label} tabIndex={0} className="max-h-72 overflow-auto whitespace-pre-wrap break-words rounded-md border border-stroke bg-sunken px-3 py-2 font-mono text-xs leading-5">{text}</pre>
    </div>
  )
}
