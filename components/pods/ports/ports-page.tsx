'use client'
import { ExternalLink, Plug } from 'lucide-react'
import { useState, useSyncExternalStore } from 'react'
import { containersOf } from '@/domain/pod/container-of'
import { podActions } from '@/domain/pod/transitions'
import { toFailure, type Failure } from '@/components/client/errors'
import { useTRPCClient } from '@/components/client/trpc'
import { FailureCallout } from '@/components/patterns/failure'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Button } from '@/components/ui/button'
import { CodeBlock } from '@/components/ui/code-block'
import { EmptyState } from '@/components/ui/empty-state'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { Panel } from '@/components/ui/panel'
import { usePod } from '../pod-frame'
import { forwardCommand } from './local-command'

const never = () => () => {}
/** The console's address as this browser knows it; none while the server draws. */
const useOrigin = () => useSyncExternalStore(never, () => window.location.origin, () => '')

/** The pod's ports: each can be opened in this browser, or brought to the person's own machine by a command. */
export function PodPorts() {
  const { tenant, pod } = usePod()
  const origin = useOrigin()
  const { opening, failure, open, again } = useOpenPort()
  const [typed, setTyped] = useState('')
  const blocked = podActions.portForward(pod) ?? undefined
  const { namespace, name } = pod.metadata
  const command = (port: number) => <CodeBlock label={`Command for port ${port}`} code={forwardCommand({ origin, tenant, namespace, name, port })} className="my-1.5 min-w-100 whitespace-nowrap" />
  const opener = (port: number) => <Button size="sm" icon={<ExternalLink className="size-3.5" />} pending={opening === port} disabledReason={blocked} onClick={() => void open(port)} aria-label={`Open port ${port} in this browser`}>Open</Button>
  const declared = containersOf(pod.spec).flatMap(({ spec }) => spec.ports.filter((port) => port.protocol === 'TCP').map((port) => ({ container: spec.name, ...port })))
  const port = /^\d{1,5}$/.test(typed.trim()) ? Number(typed) : NaN
  const wrong = typed !== '' && !(port >= 1 && port <= 65_535) ? 'A port is a number from 1 to 65535.' : undefined
  return (
    <>
      {failure && <FailureCallout failure={failure} title="The port cannot be opened" onRetry={again} />}
      <Panel title="Declared ports" description="TCP ports of the pod’s containers" flush>
        <SimpleTable
          label="Declared ports"
          heads={['Port', 'Name', 'Container', 'In this browser', 'On your own machine']}
          rows={declared.map((each) => ({ key: `${each.container} ${each.containerPort}`, cells: [<code key="port" className="font-mono text-xs">{each.containerPort}</code>, each.name ?? '—', each.container, opener(each.containerPort), command(each.containerPort)] }))}
          empty={<EmptyState icon={<Plug />} title="No container declares a port">A port need not be declared to be reached: type its number below.</EmptyState>}
        />
      </Panel>
      <Panel title="Another port" description="Whatever listens in the pod, also on its loopback alone">
        <div className="flex flex-col gap-3">
          <div className="flex flex-wrap items-end gap-2">
            <div className="w-40"><Field label="Port" error={wrong}>{(control) => <Input {...control} inputMode="numeric" value={typed} maxLength={5} onChange={(event) => setTyped(event.target.value)} />}</Field></div>
            <Button icon={<ExternalLink className="size-4" />} pending={opening !== null && opening === port} disabledReason={blocked ?? (port >= 1 && port <= 65_535 ? undefined : 'Type a port from 1 to 65535 first.')} onClick={() => void open(port)}>Open in this browser</Button>
          </div>
          {port >= 1 && port <= 65_535 && command(port)}
        </div>
      </Panel>
      <p className="text-xs text-faint">“Open” shows what the port serves over HTTP, on an address of its own that only this browser may use. The command serves any TCP protocol on your machine’s loopback; it runs in a checkout of Hypernetes and reads an API token from HYPERNETES_TOKEN. Every connection is in the audit.</p>
    </>
  )
}

/** Opens a port in a tab of its own. */
function useOpenPort() {
  const { tenant, pod } = usePod()
  const api = useTRPCClient()
  const [opening, setOpening] = useState<number | null>(null)
  const [failed, setFailed] = useState<{ port: number; failure: Failure } | null>(null)
  const open = async (port: number) => {
    setOpening(port)
    setFailed(null)
    // Made at once, within the press: a browser blocks a window that opens later. It is cut off from this page.
    const tab = window.open('', '_blank')
    try {
      const { url } = await api.pod.openPortInBrowser.mutate({ tenant, namespace: pod.metadata.namespace, name: pod.metadata.name, port })
      if (!tab) throw new Error('The browser blocked the new tab. Allow this page to open tabs, and try again.')
      tab.opener = null
      tab.location.replace(url)
    } catch (error) {
      tab?.close()
      setFailed({ port, failure: toFailure(error) })
    }
    setOpening(null)
  }
  return { opening, open, failure: failed?.failure ?? null, again: () => { if (failed) void open(failed.port) } }
}
