'use client'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { FloatingAddressView } from '@/domain/floating-address/view'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { writeToUnchanged, writtenOf } from '@/components/client/write-to-unchanged'
import { DeleteDialog } from '@/components/patterns/delete-dialog'
import { leadsTo, targetNoun } from './words'

type Props = { tenant: string; address: FloatingAddressView; onClose: () => void; onDone?: () => void }

const Address = ({ of }: { of: string }) => <code className="font-mono text-xs">{of}</code>

/** What stops answering once an address leads nowhere. */
function stops(address: FloatingAddressView) {
  const { status } = address
  const target = status.holder ?? leadsTo(address)
  if (!target) return ['It leads nowhere: no connection ends.']
  const what = <>{targetNoun(target)} <Address of={`${target.namespace}/${target.name}`} /></>
  return [
    <>Connections from outside to {what} by <Address of={status.address} /> end, and no new one gets there.</>,
    target.kind === 'Pod'
      ? <>What {what} opens to the outside leaves with its host’s address again, where its network has outbound connections.</>
      : <>The balancer of {what} takes another address of the default pool, or says that it has none; names that point to this one must be changed.</>,
  ]
}

/** Asks before an address leads nowhere. It stays the tenant's. */
export function DetachAddress({ tenant, address, onClose, onDone }: Props) {
  const { metadata: { name }, status } = address
  const [opened] = useState(() => writtenOf(address))
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  return (
    <DeleteDialog
      verb="Detach"
      noun="address"
      name={name}
      consequences={[...stops(address), <>The tenant keeps <Address of={status.address} />, and may associate it again.</>]}
      onDelete={async () => {
        await writeToUnchanged(opened, {
          read: async () => writtenOf(await api.floatingAddress.get.query({ tenant, name })),
          write: (resourceVersion) => api.floatingAddress.update.mutate({ tenant, name, target: null, resourceVersion }),
        })
        await queries.invalidateQueries({ queryKey: trpc.floatingAddress.pathKey() })
        onDone?.()
      }}
      onClose={onClose}
    />
  )
}

/** Asks before an address is given back. */
export function ReleaseAddress({ tenant, address, onClose, onDone }: Props) {
  const { metadata: { name }, status } = address
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  return (
    <DeleteDialog
      verb="Release"
      noun="address"
      name={name}
      consequences={[...stops(address), <><Address of={status.address} /> goes back to pool {status.pool}: another tenant may get it, and what still points to it then reaches them.</>]}
      onDelete={async () => {
        await api.floatingAddress.delete.mutate({ tenant, name })
        await queries.invalidateQueries({ queryKey: trpc.floatingAddress.pathKey() })
        onDone?.()
      }}
      onClose={onClose}
    />
  )
}
