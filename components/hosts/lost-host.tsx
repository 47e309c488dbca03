'use client'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { HostView } from '@/domain/host/view'
import { formatCount } from '@/components/client/formats'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'
import { Button } from '@/components/ui/button'

/** A silent host may be declared lost, which frees what it kept from others; one that was may be let in again. `pods`: how many are bound to it; `volumes`: how many lie on its disk, and how many others it keeps. */
export function LostHost({ host: { metadata: { name }, status: { phase, lostSince } }, pods, volumes }: { host: Pick<HostView, 'metadata' | 'status'>; pods: number; volumes: { onDisk: number; kept: number } }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const [asking, setAsking] = useState(false)
  const done = () => queries.invalidateQueries({ queryKey: trpc.host.pathKey() })
  const close = () => setAsking(false)
  if (lostSince === null && phase === 'Ready') return null
  return (
    <>
      <Button variant={lostSince === null ? 'danger-ghost' : 'secondary'} onClick={() => setAsking(true)}>{lostSince === null ? 'Give up host' : 'Readmit host'}</Button>
      {asking && lostSince === null && (
        <DeleteDialog
          verb="Give up"
          noun="host"
          name={name}
          typeName
          consequences={['It is declared lost, and your word is trusted: the machine is off, or will be set up anew, and no virtual machine of it runs any more. Two machines that write one volume destroy what is on it.', ...followsOf(pods, volumes), 'It is not let in any more until it is readmitted.']}
          onDelete={async () => {
            await api.host.declareLost.mutate({ name, confirm: name })
            await done()
          }}
          onClose={close}
        />
      )}
      {asking && lostSince !== null && (
        <DeleteDialog
          verb="Readmit"
          noun="host"
          name={name}
          consequences={['It connects by itself, and takes pods again.', 'What is left there of the pods that it had is removed.', 'Volumes on its disk are there again.']}
          onDelete={async () => {
            await api.host.readmit.mutate({ name })
            await done()
          }}
          onClose={close}
        />
      )}
    </>
  )
}

/** What becomes of its pods and volumes, of those that there are. */
function followsOf(pods: number, { onDisk, kept }: { onDisk: number; kept: number }): string[] {
  return [
    ...(pods > 0 ? [`${formatCount(pods, 'pod')} bound to it: ${pods === 1 ? 'it has' : 'they have'} failed with it, where not ended before. ${pods === 1 ? 'Its tenant deletes it, and creates it' : 'Their tenants delete them, and create them'} anew.`] : []),
    ...(kept > 0 ? [`${formatCount(kept, 'volume')} that other hosts reach may be opened there.`] : []),
    ...(onDisk > 0 ? [`${formatCount(onDisk, 'volume')} on its own disk ${onDisk === 1 ? 'stays' : 'stay'} out of reach until it is readmitted with that disk.`] : []),
  ]
}
