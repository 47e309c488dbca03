'use client'
import { useQueryClient } from '@tanstack/react-query'
import type { StorageClassView } from '@/domain/storage-class/view'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'

/** Asks before a class goes. */
export function DeleteClass({ storageClass: { metadata: { name }, spec }, onClose }: { storageClass: StorageClassView; onClose: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  return (
    <DeleteDialog
      noun="storage class"
      name={name}
      consequences={[`Tenants cannot choose it any more. Store ${spec.store} stays.`, 'No volume is of it.', ...(spec.default ? ['It is the usual class: volumes and claims that name none are refused until another class is that.'] : [])]}
      onDelete={async () => {
        await api.storageClass.delete.mutate({ name })
        await queries.invalidateQueries({ queryKey: trpc.storageClass.pathKey() })
      }}
      onClose={onClose}
    />
  )
}
