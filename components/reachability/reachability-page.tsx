'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { ArrowLeftRight, Route } from 'lucide-react'
import { toFailure } from '@/components/client/errors'
import { formatCount } from '@/components/client/formats'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { useNetwork } from '@/components/networks/network-frame'
import { QueryFailure } from '@/components/patterns/failure'
import { Button } from '@/components/ui/button'
import { Combobox } from '@/components/ui/combobox'
import { EmptyState } from '@/components/ui/empty-state'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { Panel } from '@/components/ui/panel'
import { Segmented } from '@/components/ui/segmented'
import { Skeleton } from '@/components/ui/skeleton'
import { Answer } from './answer'
import { Probe } from './probe'
import { readAsked, toQuestion, type Asked, type AskedProblem } from './question'

/** "Can this pod reach that?" of a network. The question stands in the address. */
export function ReachabilityPage() {
  const { tenant, network } = useNetwork()
  const trpc = useTRPC()
  const query = useQueryString()
  const asked = readAsked(query.get)
  const { question, problem } = toQuestion(asked)
  const answer = useQuery({ ...trpc.network.reachability.queryOptions({ tenant, ...(question ?? { from: { namespace: 'default', name: 'x' }, to: { kind: 'address', address: '0.0.0.0' } }) }), enabled: question !== null, placeholderData: keepPreviousData, refetchInterval: 10_000 })
  const key = JSON.stringify(question)
  // What the server alone can know of the port: which ones a service has.
  const portError = question !== null && answer.error ? toFailure(answer.error).problems.find(({ path }) => path === 'port')?.message : undefined
  return (
    <div className="grid grid-cols-1 items-start gap-4 xl:grid-cols-[380px_minmax(0,1fr)]">
      <Question tenant={tenant} asked={asked} problem={portError === undefined ? problem : { field: 'port', message: portError.charAt(0).toUpperCase() + portError.slice(1) }} pods={network.pods} network={network.metadata.name} onChange={(patch) => query.replace(patch)} />
      <div className="flex min-w-0 flex-col gap-4">
        {(question === null || portError !== undefined) && <div className="rounded-lg border border-stroke bg-raise"><EmptyState icon={<Route />} title="Can a pod reach it?">{network.pods.length === 0 ? 'The network has no pods yet: start one to ask from it.' : 'Choose a pod, where it wants to go, and a port. The answer names the rule that decides, and can be tried for real.'}</EmptyState></div>}
        {question !== null && answer.error && portError === undefined && <QueryFailure error={answer.error} title="It cannot be answered" onRetry={() => void answer.refetch()} />}
        {question !== null && !answer.error && !answer.data && <Skeleton className="h-24" />}
        {question !== null && !answer.error && answer.data && (
          <div aria-busy={answer.isPlaceholderData} className="flex min-w-0 flex-col gap-4">
            <Answer tenant={tenant} network={network.metadata.name} answer={answer.data} />
            <Probe key={key} tenant={tenant} question={question} answer={answer.data} />
          </div>
        )}
      </div>
    </div>
  )
}

type QuestionProps = { tenant: string; network: string; asked: Asked; problem: AskedProblem | null; pods: readonly { namespace: string; name: string; addresses: readonly string[] }[]; onChange: (patch: Partial<Record<keyof Asked, string | null>>) => void }

function Question({ tenant, network, asked, problem, pods, onChange }: QuestionProps) {
  const trpc = useTRPC()
  const services = useQuery({ ...trpc.service.list.queryOptions({ tenant, network, limit: 500 }), enabled: asked.kind === 'service' })
  const podOptions = pods.map(({ namespace, name, addresses }) => ({ value: `${namespace}/${name}`, detail: addresses[0] ?? 'no address' }))
  const serviceOptions = (services.data?.items ?? []).map(({ metadata, spec }) => ({ value: `${metadata.namespace}/${metadata.name}`, detail: spec.ports.map(({ port }) => port).join(', ') }))
  const errorOf = (field: AskedProblem['field']) => (problem?.field === field ? problem.message : undefined)
  const change = (name: keyof Asked, value: string) => onChange({ [name]: value || null })
  return (
    <Panel title="Question">
      <form method="get" onSubmit={(event) => event.preventDefault()} className="flex flex-col gap-4">
        <Field label="From pod" hint={`${formatCount(pods.length, 'pod')} of this network`} error={errorOf('from')}>
          {(control) => <Combobox {...control} mono value={asked.from} options={podOptions} placeholder="default/web" onChange={(next) => change('from', next)} />}
        </Field>
        <div className="flex flex-col items-start gap-1">
          <span className="text-xs font-medium text-soft">To</span>
          <Segmented label="To what" value={asked.kind} options={[{ value: 'pod', label: 'Pod' }, { value: 'service', label: 'Service' }, { value: 'address', label: 'Address' }]} onChange={(kind) => onChange({ kind: kind === 'pod' ? null : kind, to: null })} />
        </div>
        {asked.kind === 'address'
          ? <Field label="Address" hint="Inside the network or outside, IPv4 or IPv6" error={errorOf('to')}>{(control) => <Input {...control} mono value={asked.to} placeholder="10.0.0.7" autoComplete="off" spellCheck={false} onChange={(event) => change('to', event.target.value)} />}</Field>
          : <Field label={asked.kind === 'pod' ? 'To pod' : 'To service'} error={errorOf('to')}>{(control) => <Combobox {...control} mono value={asked.to} options={asked.kind === 'pod' ? podOptions : serviceOptions} placeholder="default/db" onChange={(next) => change('to', next)} />}</Field>}
        <div className="grid grid-cols-[auto_minmax(0,1fr)] items-start gap-3">
          <div className="flex flex-col items-start gap-1">
            <span className="text-xs font-medium text-soft">Protocol</span>
            <Segmented label="Protocol" value={asked.protocol} options={[{ value: 'tcp', label: 'TCP' }, { value: 'udp', label: 'UDP' }, { value: 'icmp', label: 'ICMP' }]} onChange={(protocol) => onChange({ protocol: protocol === 'tcp' ? null : protocol })} />
          </div>
          {asked.protocol === 'icmp'
            ? <p className="pt-6 text-xs text-faint">An echo request</p>
            : <Field label="Port" hint={asked.kind === 'service' ? 'May be left out where it has one' : undefined} error={errorOf('port')}>{(control) => <Input {...control} mono inputMode="numeric" value={asked.port} placeholder="80" autoComplete="off" onChange={(event) => change('port', event.target.value)} />}</Field>}
        </div>
        {asked.kind === 'pod' && asked.from !== '' && asked.to !== '' && <div><Button size="sm" icon={<ArrowLeftRight className="size-3.5" />} onClick={() => onChange({ from: asked.to, to: asked.from })}>Ask the other way round</Button></div>}
      </form>
    </Panel>
  )
}
