'use client'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { toFailure } from '@/components/client/errors'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { Switch } from '@/components/ui/checkbox'
import { Panel } from '@/components/ui/panel'
import { notify } from '@/components/ui/toast'

/** Whether pods reach the outside; a switch that takes effect at once. */
export function OutboundPanel({ tenant, name, outbound }: { tenant: string; name: string; outbound: 'nat' | 'none' }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const [pending, setPending] = useState(false)
  const change = async (next: boolean) => {
    setPending(true)
    try {
      await api.network.update.mutate({ tenant, name, outbound: next ? 'nat' : 'none' })
      await queries.invalidateQueries({ queryKey: trpc.network.pathKey() })
    } catch (error) {
      void notify({ title: 'Outbound connections were not changed', detail: toFailure(error).message, tone: 'error' })
    }
    setPending(false)
  }
  return (
    <Panel title="Outbound connections" actions={<Switch label="Outbound connections" checked={outbound === 'nat'} pending={pending} onChange={(next) => void change(next)} />}>
      <p className="text-sm text-soft">
        {outbound === 'nat'
          ? 'Pods reach the outside through the host’s address. Nothing from outside reaches them.'
          : 'Closed: pods reach each other and their gateway, nothing else.'}
      </p>
      <p className="mt-1 text-xs text-faint">A change takes effect for running pods at once. IPv6 stays inside the network and its peers, but for pods with a floating address of IPv6.</p>
    </Panel>
  )
}
