'use client'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { VolumeView } from '@/domain/volume/view'
import { toFailure, type Failure } from '@/components/client/errors'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { FailureCallout } from '@/components/patterns/failure'
import { Button } from '@/components/ui/button'
import { Dialog } from '@/components/ui/dialog'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'

/** Takes a deletion back; under another name where another volume has its name by now. */
export function RestoreVolume({ tenant, volume: { metadata }, onClose, onDone }: { tenant: string; volume: Pick<VolumeView, 'metadata'>; onClose: () => void; onDone?: (name: string) => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const [name, setName] = useState(metadata.name)
  const [pending, setPending] = useState(false)
  const [failure, setFailure] = useState<Failure | null>(null)
  const isTaken = failure?.code === 'already_exists'
  const restore = async () => {
    setPending(true)
    setFailure(null)
    try {
      await api.volume.restore.mutate({ tenant, name: metadata.name, uid: metadata.uid, ...(name !== metadata.name && { newName: name }) })
      await queries.invalidateQueries({ queryKey: trpc.volume.pathKey() })
      onClose()
      onDone?.(name)
    } catch (error) {
      setFailure(toFailure(error))
      setPending(false)
    }
  }
  return (
    <Dialog title={`Restore volume ${metadata.name}`} onClose={onClose} footer={<><Button onClick={onClose}>Cancel</Button><Button variant="primary" pending={pending} onClick={() => void restore()}>Restore volume</Button></>}>
      <form className="flex flex-col gap-3 text-sm text-soft" onSubmit={(event) => { event.preventDefault(); void restore() }}>
        {failure && !isTaken && <FailureCallout failure={failure} title="Restore volume failed" />}
        <p>It comes back with all that is on it, and with its snapshots. No pod has it then.</p>
        <Field label="Name" hint="Another one, where another volume has its name by now" error={isTaken ? failure.message : undefined}>
          {(control) => <Input {...control} mono data-autofocus value={name} autoComplete="off" spellCheck={false} onChange={(event) => setName(event.target.value)} />}
        </Field>
      </form>
    </Dialog>
  )
}
