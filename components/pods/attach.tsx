'use client'
import Link from 'next/link'
import { containersOf } from '@/domain/pod/container-of'
import { podActions } from '@/domain/pod/transitions'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPCClient } from '@/components/client/trpc'
import { TerminalPanel, type TerminalWords } from '@/components/patterns/terminal/terminal-panel'
import { ContainerPicker } from './container-picker'
import { usePod } from './pod-frame'

const words: TerminalWords = { process: 'The container', afterLoss: 'The container itself goes on.', again: 'Attach again', refused: 'The container cannot be attached to' }

/** A container's own process: what it prints from now on, and its input where its spec has one. */
export function PodAttach() {
  const { tenant, pod } = usePod()
  const api = useTRPCClient()
  const query = useQueryString()
  const { namespace, name } = pod.metadata
  const containers = containersOf(pod.spec)
  const spec = containers.find((each) => each.spec.name === query.get('container'))?.spec ?? pod.spec.containers[0]
  const container = spec?.name ?? ''
  return (
    <>
      <p className="text-sm text-soft">
        {spec?.stdin ? 'What you type goes to the container’s own process. Leaving this page ends nothing.' : <>This container takes no input (its spec has no <code className="font-mono text-xs">stdin</code>), so you only see what it prints from now on.</>}
        {' '}For a shell beside it, <Link className="text-accent-content underline" href={paths.podTerminal(tenant, namespace, name)}>open a terminal</Link>.
      </p>
      <TerminalPanel
        key={container}
        label={`Process of ${container} of ${name}`}
        blocked={podActions.attach(pod)}
        words={words}
        screen={{ readOnly: !spec?.stdin, barePipes: !spec?.tty }}
        openTicket={async (size) => (await api.pod.openAttach.mutate({ tenant, namespace, name, container, stdin: spec?.stdin ?? false, ...size })).ticket}
        toolbar={<ContainerPicker containers={containers.map((each) => each.spec.name)} value={container} onChange={(next) => query.replace({ container: next })} />}
      />
    </>
  )
}
