import Link from 'next/link'
import type { FloatingTarget } from '@/domain/floating-address/spec'
import type { FloatingAddressView } from '@/domain/floating-address/view'
import { NOTHING } from '@/components/client/formats'
import { cn } from '@/components/ui/cn'
import { StateBadge } from '@/components/ui/state-badge'
import { isMoving, isStuck, leadsTo, looks, targetNoun, targetPath } from './words'

/** Free, Pending, Active or Failed; that it moves or was given back says more than that it waits. */
export function AddressState({ address }: { address: Pick<FloatingAddressView, 'metadata' | 'spec' | 'status'> }) {
  if (address.metadata.deletionTimestamp) return <StateBadge shape="changing">Releasing</StateBadge>
  const { shape, word } = looks[address.status.phase]
  if (isMoving(address)) return <StateBadge shape="changing">{address.spec.target ? 'Moving' : 'Letting go'}</StateBadge>
  return isStuck(address) ? <StateBadge shape="unknown">Waiting</StateBadge> : <StateBadge shape={shape}>{word}</StateBadge>
}

/** A pod, service or Ingress as a link, with what it is. */
export function TargetLink({ tenant, target, className }: { tenant: string; target: FloatingTarget; className?: string }) {
  return (
    <span className={cn('inline-flex min-w-0 items-baseline gap-1.5', className)}>
      <span className="shrink-0 text-xs text-faint">{targetNoun(target)}</span>
      <Link href={targetPath(tenant, target)} title={`${target.namespace}/${target.name}`} className="inline-flex min-h-6 min-w-0 items-center text-accent-content hover:underline"><span className="truncate">{target.name}</span></Link>
    </span>
  )
}

/** Where an address leads: what its tenant said, and where it leads still while it moves. */
export function LeadsTo({ tenant, address }: { tenant: string; address: Pick<FloatingAddressView, 'spec' | 'status'> }) {
  const { spec: { target }, status: { holder } } = address
  const leads = leadsTo(address)
  if (!leads) return <span className="text-faint">{NOTHING}</span>
  if (holder && isMoving(address)) return <span className="inline-flex min-w-0 flex-wrap items-baseline gap-x-2"><TargetLink tenant={tenant} target={holder} /><span className="text-xs text-faint">{target ? 'moves to' : 'lets go'}</span>{target && <TargetLink tenant={tenant} target={target} />}</span>
  return <TargetLink tenant={tenant} target={leads} />
}
