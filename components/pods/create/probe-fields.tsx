'use client'
import type { ReactNode } from 'react'
import { Field } from '@/components/ui/field'
import { Input, Select, Textarea } from '@/components/ui/input'
import { numeric, probeNames, type ProbeDraft, type ProbeName } from '../draft-container'
import type { ContainerPartProps } from './environment-fields'

const titles: Record<ProbeName, { title: string; hint: string }> = {
  startupProbe: { title: 'Startup probe', hint: 'Until it succeeds the other probes wait.' },
  readinessProbe: { title: 'Readiness probe', hint: 'While it fails the container is not ready.' },
  livenessProbe: { title: 'Liveness probe', hint: 'When it fails the container is started again.' },
}

/** What a handler is begun with: the container's first port, if it has one. */
const handlers = (port: number | string) => ({ httpGet: { path: '/', port }, tcpSocket: { port }, exec: { command: ['true'] } })

/** How the container is asked whether it has started, is ready, and is well. */
export function ProbeFields({ container, at, set, error }: ContainerPartProps) {
  const port = numeric(container.ports[0]?.containerPort || '80')
  return (
    <fieldset className="flex min-w-0 flex-col gap-3">
      <legend className="mb-1 text-xs font-medium text-soft">Probes <span className="font-normal text-faint">optional</span></legend>
      {probeNames.map((name) => {
        const probe = container.probes[name]
        const { title, hint } = titles[name]
        const choose = (kind: string) => {
          if (kind === 'none') set(at(name), undefined)
          else if (kind === 'httpGet' || kind === 'tcpSocket' || kind === 'exec') set(at(name), { [kind]: handlers(port)[kind], ...probe.times })
        }
        return (
          <div key={name} className="grid min-w-0 items-start gap-2 sm:grid-cols-[minmax(0,4fr)_minmax(0,9fr)]">
            <Field label={title} hint={hint} error={error(name, true)}>
              {(control) => (
                <Select {...control} value={probe.kind} onChange={(event) => choose(event.target.value)}>
                  <option value="none">None</option>
                  <option value="httpGet">HTTP request</option>
                  <option value="tcpSocket">TCP connection</option>
                  <option value="exec">Command</option>
                  {probe.kind === 'other' && <option value="other">As YAML says</option>}
                </Select>
              )}
            </Field>
            {(probe.kind === 'httpGet' || probe.kind === 'tcpSocket' || probe.kind === 'exec') && <Handler title={title} kind={probe.kind} probe={probe} set={(path, value) => set(at(name, ...path), value)} />}
          </div>
        )
      })}
    </fieldset>
  )
}

type HandlerProps = { title: string; kind: 'httpGet' | 'tcpSocket' | 'exec'; probe: ProbeDraft; set: (path: (string | number)[], value: unknown) => void }

function Handler({ title, kind, probe, set }: HandlerProps) {
  const number = (path: string) => (text: string) => set([path], text === '' ? undefined : numeric(text))
  return (
    <div className="grid min-w-0 grid-cols-2 gap-2 sm:grid-cols-[minmax(0,3fr)_minmax(0,2fr)_minmax(0,2fr)_minmax(0,2fr)]">
      {kind === 'exec'
        ? <span className="col-span-2"><Labelled label="Command, an argument a line"><Textarea aria-label={`${title}: command`} mono rows={2} spellCheck={false} value={probe.command.join('\n')} onChange={(event) => set(['exec', 'command'], event.target.value.split('\n'))} /></Labelled></span>
        : (
          <>
            {kind === 'httpGet' && <Labelled label="Path"><Input aria-label={`${title}: path`} mono value={probe.path} placeholder="/" spellCheck={false} onChange={(event) => set(['httpGet', 'path'], event.target.value || undefined)} /></Labelled>}
            <Labelled label="Port"><Input aria-label={`${title}: port`} mono value={probe.port} spellCheck={false} onChange={(event) => set([kind, 'port'], numeric(event.target.value))} /></Labelled>
          </>
        )}
      <Labelled label="Every, seconds"><Input aria-label={`${title}: period in seconds`} mono inputMode="numeric" value={probe.periodSeconds} placeholder="10" onChange={(event) => number('periodSeconds')(event.target.value)} /></Labelled>
      <Labelled label="Failures"><Input aria-label={`${title}: failures until it counts`} mono inputMode="numeric" value={probe.failureThreshold} placeholder="3" onChange={(event) => number('failureThreshold')(event.target.value)} /></Labelled>
    </div>
  )
}

/** A small label above a control that has its whole name itself. */
function Labelled({ label, children }: { label: string; children: ReactNode }) {
  return <span className="flex min-w-0 flex-col gap-1"><span aria-hidden className="text-xs font-medium text-soft">{label}</span>{children}</span>
}
