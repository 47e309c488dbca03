'use client'
import { Eye, FileCode2, Link2, Trash2, Unlink } from 'lucide-react'
import type { FloatingAddressView } from '@/domain/floating-address/view'
import type { Action } from '@/components/client/actions'
import { paths } from '@/components/client/paths'
import { targetNoun } from './words'

type Asked = { onDetach: () => void; onRelease: () => void }

/** An address that came with a balancer is the balancer's: it goes with it. One that was given back is nobody's to change. */
const fixed = ({ metadata, status }: Pick<FloatingAddressView, 'metadata' | 'status'>): string | undefined => metadata.deletionTimestamp ? 'It was given back, and goes once its host has let go of it.' : (status.managed ? 'It was taken for a balancer that asked for none, and goes with it. Allocate one of your own to choose where it leads.' : undefined)

/** What can be done to a floating address. */
export const addressActionsFor = (tenant: string, address: Pick<FloatingAddressView, 'metadata' | 'spec' | 'status'>, { onDetach, onRelease }: Asked): Action[] => {
  const { metadata: { name }, spec, status: { holder } } = address
  const reason = fixed(address)
  return [
    { id: 'open', label: 'Show address', icon: <Eye className="size-4" />, href: paths.floatingAddress(tenant, name) },
    { id: 'associate', label: spec.target ?? holder ? 'Move address' : 'Associate address', icon: <Link2 className="size-4" />, href: paths.associateFloatingAddress(tenant, name), disabledReason: reason },
    { id: 'detach', label: 'Detach address', icon: <Unlink className="size-4" />, run: onDetach, disabledReason: reason ?? (spec.target ? undefined : holder ? `It has no target of its own: the ${targetNoun(holder)} “${holder.name}” names it. Take its annotation or address away there.` : 'It leads nowhere.') },
    { id: 'yaml', label: 'Edit YAML', icon: <FileCode2 className="size-4" />, href: paths.applyYaml(tenant, { from: `FloatingAddress/${name}` }), disabledReason: reason },
    { id: 'release', label: 'Release address', icon: <Trash2 className="size-4" />, danger: true, run: onRelease, disabledReason: reason },
  ]
}
