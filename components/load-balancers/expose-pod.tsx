'use client'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { BalancerView } from '@/domain/load-balancer/view'
import type { PodView } from '@/domain/pod/view'
import { toFailure } from '@/components/client/errors'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnChanges } from '@/components/client/use-changes'
import { FailureCallout } from '@/components/patterns/failure'
import { Button, ButtonLink } from '@/components/ui/button'
import { Combobox } from '@/components/ui/combobox'
import { CopyableId } from '@/components/ui/copyable'
import { Dialog } from '@/components/ui/dialog'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { Segmented } from '@/components/ui/segmented'
import { placeOf } from './balancer-actions'
import { BalancerState } from './balancer-state'
import { BalancerUrl } from './balancer-url'
import { otherEndpoints } from './balancer-words'
import { exposePorts, looksLikeWeb, portProblem } from './expose-draft'

type ExposeProps = { tenant: string; pod: Pick<PodView, 'metadata' | 'spec'>; onClose: () => void }

/** Gives a pod an address on the outside in one press, and shows it until it answers. */
export function ExposePod({ tenant, pod, onClose }: ExposeProps) {
  const [made, setMade] = useState<BalancerView | null>(null)
  return made ? <Exposed tenant={tenant} first={made} pod={pod.metadata.name} onClose={onClose} /> : <ExposeForm tenant={tenant} pod={pod} onClose={onClose} onDone={setMade} />
}

function ExposeForm({ tenant, pod: { metadata: { namespace, name }, spec }, onClose, onDone }: ExposeProps & { onDone: (made: BalancerView) => void }) {
  const trpc = useTRPC()
  const queries = useQueryClient()
  const ports = exposePorts(spec)
  const [port, setPort] = useState(String(ports[0]?.port ?? ''))
  const [protocol, setProtocol] = useState<'http' | 'tcp'>(ports[0] && !looksLikeWeb(ports[0]) ? 'tcp' : 'http')
  const [service, setService] = useState('')
  const [pressed, setPressed] = useState(false)
  const expose = useMutation(trpc.loadBalancer.expose.mutationOptions({
    onSuccess: (balancer) => {
      for (const queryKey of [trpc.loadBalancer.pathKey(), trpc.service.pathKey()]) void queries.invalidateQueries({ queryKey })
      onDone(balancer)
    },
  }))
  const wrong = portProblem(port)
  const failure = expose.error ? toFailure(expose.error) : null
  // Its usual name is another service's: only then one is asked for.
  const [named, setNamed] = useState(false)
  if (failure?.code === 'already_exists' && !named) setNamed(true)
  const submit = () => {
    setPressed(true)
    if (wrong === null && !expose.isPending) expose.mutate({ tenant, namespace, name, port: Number(port), protocol, ...(service.trim() && { service: service.trim() }), requestId: crypto.randomUUID() })
  }
  return (
    <Dialog
      title={`Expose pod ${name}`}
      onClose={onClose}
      footer={<><Button onClick={onClose}>Cancel</Button><Button variant="primary" type="submit" form="expose-pod" pending={expose.isPending}>Expose pod</Button></>}
    >
      <form id="expose-pod" method="post" noValidate className="flex flex-col gap-4" onSubmit={(event) => { event.preventDefault(); submit() }}>
        {failure && <FailureCallout failure={failure} title="The pod is not exposed" />}
        <p className="text-sm text-soft">A Service with a balancer gives it an address on the outside. Whoever reaches that address reaches this port.</p>
        <Field label="Port" hint={ports.length > 0 ? 'On which its container listens' : 'No container declares one: type the number on which it listens'} error={pressed ? (wrong ?? undefined) : undefined}>
          {(control) => <Combobox {...control} data-autofocus mono inputMode="numeric" value={port} options={ports.map((each) => ({ value: String(each.port), detail: each.name ?? each.container }))} onChange={setPort} />}
        </Field>
        {named && (
          <Field label="Name of the service" hint="Lower-case letters, digits and dashes">
            {(control) => <Input {...control} mono autoComplete="off" spellCheck={false} value={service} onChange={(event) => setService(event.target.value)} />}
          </Field>
        )}
        <div className="flex flex-col items-start gap-1">
          <Segmented label="Protocol" value={protocol} onChange={setProtocol} options={[{ value: 'http', label: 'HTTP' }, { value: 'tcp', label: 'TCP' }]} />
          <p className="text-xs text-faint">{protocol === 'http' ? 'For web pages and APIs: at port 80, with a log and figures of each answer.' : `For everything else: at port ${port.trim() || 'of the same number'}, bytes as they come.`}</p>
        </div>
      </form>
    </Dialog>
  )
}

function Exposed({ tenant, first, pod, onClose }: { tenant: string; first: BalancerView; pod: string; onClose: () => void }) {
  const trpc = useTRPC()
  const at = placeOf(tenant, first)
  const [, source, namespace, name] = at
  const { data } = useQuery(trpc.loadBalancer.get.queryOptions({ tenant, source, namespace, name }))
  useRefreshOnChanges('loadBalancer', { tenant, namespace }, trpc.loadBalancer.get.queryKey({ tenant, source, namespace, name }))
  const balancer: BalancerView = data ?? first
  const { status } = balancer
  const others = otherEndpoints(balancer.model?.listeners ?? [], status)
  const problem = status.phase === 'Active' ? undefined : status.conditions.find((each) => each.status !== 'True' && each.message !== '')
  return (
    <Dialog
      title={`Expose pod ${pod}`}
      onClose={onClose}
      footer={<><ButtonLink href={paths.loadBalancer(...at)}>Show balancer</ButtonLink><Button variant="primary" data-autofocus onClick={onClose}>Done</Button></>}
    >
      <div className="flex flex-col gap-3">
        <p role="status" className="text-sm"><BalancerState balancer={balancer} /></p>
        {status.urls.length + others.length === 0
          ? <p className="text-sm text-soft">Its address is on its way.</p>
          : (
            <div className="flex min-w-0 flex-col gap-1 rounded-md border border-stroke bg-sunken p-3">
              {status.urls.map((url) => <BalancerUrl key={url} url={url} />)}
              {others.map(({ text }) => <CopyableId key={text} id={text} />)}
            </div>
          )}
        {problem
          ? <p className="text-sm text-soft wrap-anywhere">{problem.message}</p>
          : <p className="text-xs text-faint">{status.phase === 'Active' ? 'It answers. Rules, certificates, limits and its log stand on its page.' : 'It answers in a moment: this changes by itself.'}</p>}
      </div>
    </Dialog>
  )
}
