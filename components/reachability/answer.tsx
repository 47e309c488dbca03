'use client'
import type { ReachabilityAnswer, ReachabilityStep } from '@/domain/network/reachability'
import { formatCount } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Badge } from '@/components/ui/badge'
import { cn } from '@/components/ui/cn'
import { CopyableId } from '@/components/ui/copyable'
import { Panel } from '@/components/ui/panel'
import { StateBadge, StateMark } from '@/components/ui/state-badge'
import { TextLink } from '@/components/ui/text-link'
import { RuleLink } from './rule-link'

/** Yes or no, why, and the way there step by step. */
export function Answer({ tenant, network, answer }: { tenant: string; network: string; answer: ReachabilityAnswer }) {
  const [word, ...sentence] = answer.summary.split(': ')
  return (
    <>
      <section aria-label="Answer" aria-live="polite" className={cn('flex gap-3 rounded-lg border p-4', answer.reachable ? 'border-success/35 bg-success-soft' : 'border-error/40 bg-error-soft')}>
        <StateMark shape={answer.reachable ? 'running' : 'failed'} className="mt-1" />
        <div className="min-w-0 break-words">
          <p className="text-base font-semibold">{word}</p>
          <p className="mt-0.5 text-sm">{sentence.join(': ').replace(/^./, (first) => first.toUpperCase())}</p>
          {answer.advice && <p className="mt-2 text-sm text-soft">{answer.advice}</p>}
          {!answer.certain && answer.reachable && <p className="mt-2 text-xs text-soft">By what stands here: the last word is not this tenant’s.</p>}
        </div>
      </section>
      <Panel title="The way" description="by the desired state of networks, services and rules" flush>
        <ol>
          {answer.steps.map((step, i) => <Step key={`${i} ${step.title}`} tenant={tenant} network={network} step={step} number={i + 1} />)}
        </ol>
      </Panel>
      {answer.targets.length > 1 && <Targets tenant={tenant} targets={answer.targets} />}
    </>
  )
}

function Step({ tenant, network, step, number }: { tenant: string; network: string; step: ReachabilityStep; number: number }) {
  return (
    <li aria-current={step.decides || undefined} className={cn('flex gap-3 border-b border-stroke px-4 py-2.5 last:border-0', step.decides && 'bg-accent-soft/40')}>
      <span className="w-4 shrink-0 pt-px text-right text-xs tabular-nums text-faint">{number}</span>
      <StateMark shape={step.passes ? 'running' : 'failed'} className="mt-1" />
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1 text-sm font-medium">
          <span>{step.title}</span>
          <span className="sr-only">{step.passes ? 'passes' : 'stops here'}</span>
          {step.decides && <Badge tone="accent">Decides</Badge>}
        </p>
        <p className="break-words text-sm text-soft">{step.detail}</p>
        {step.rule && <RuleLink tenant={tenant} network={network} rule={step.rule} />}
      </div>
    </li>
  )
}

function Targets({ tenant, targets }: { tenant: string; targets: ReachabilityAnswer['targets'] }) {
  return (
    <Panel title="Endpoints" description={`${targets.filter((target) => target.reachable).length} of ${formatCount(targets.length, 'endpoint')} can be reached`} flush>
      <SimpleTable
        label="Endpoints"
        heads={['Address', 'Pod', 'Reachable']}
        rows={targets.map(({ address, port, pod, reachable }) => ({
          key: `${address} ${port}`,
          cells: [
            <CopyableId key="address" id={port === null ? address : `${address}:${port}`} />,
            pod ? <TextLink key="pod" href={paths.pod(tenant, pod.namespace, pod.name)} className="text-sm">{pod.name}</TextLink> : 'No pod',
            <StateBadge key="reachable" shape={reachable ? 'running' : 'failed'}>{reachable ? 'Yes' : 'No'}</StateBadge>,
          ],
        }))}
        empty="None"
      />
    </Panel>
  )
}
