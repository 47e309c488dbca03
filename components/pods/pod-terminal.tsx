'use client'
import { containersOf } from '@/domain/pod/container-of'
import { podActions } from '@/domain/pod/transitions'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPCClient } from '@/components/client/trpc'
import { TerminalPanel } from '@/components/patterns/terminal/terminal-panel'
import { TextLink } from '@/components/ui/text-link'
import { ContainerPicker } from './container-picker'
import { usePod } from './pod-frame'

/** A shell in a container. */
export function PodTerminal() {
  const { tenant, pod } = usePod()
  const api = useTRPCClient()
  const query = useQueryString()
  const { namespace, name } = pod.metadata
  const containers = containersOf(pod.spec).map((c) => c.spec.name)
  const container = containers.find((each) => each === query.get('container')) ?? pod.spec.containers[0]?.name ?? ''
  return (
    <TerminalPanel
      key={container}
      label={`Terminal in ${container} of ${name}`}
      blocked={podActions.openTerminal(pod)}
      openTicket={async (size) => (await api.pod.openTerminal.mutate({ tenant, namespace, name, container, ...size })).ticket}
      toolbar={<><ContainerPicker containers={containers} value={container} onChange={(next) => query.replace({ container: next })} /><TextLink href={paths.podAttach(tenant, namespace, name, { container })}>Attach to its own process</TextLink></>}
    />
  )
}
