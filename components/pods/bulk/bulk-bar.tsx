'use client'
import { Trash2 } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import type { PodView } from '@/domain/pod/view'
import { formatCount } from '@/components/client/formats'
import { Button } from '@/components/ui/button'

const DeletePods = lazy(() => import('./delete-pods').then((module) => ({ default: module.DeletePods })))

type BulkBarProps = { tenant: string; pods: readonly PodView[]; onClear: () => void; onKeep: (uids: ReadonlySet<string>) => void }

/** What can be done to the pods that are chosen. */
export function BulkBar({ tenant, pods, onClear, onKeep }: BulkBarProps) {
  const [deleting, setDeleting] = useState(false)
  const left = pods.filter((pod) => !pod.metadata.deletionTimestamp)
  return (
    <>
      <p role="status" className="mr-2 text-sm font-medium">{formatCount(pods.length, 'pod')} selected</p>
      <Button size="sm" variant="danger-ghost" icon={<Trash2 className="size-3.5" />} disabledReason={left.length === 0 ? 'All of them are being deleted already.' : undefined} onClick={() => setDeleting(true)}>Delete pods</Button>
      <Button size="sm" variant="ghost" onClick={onClear}>Clear selection</Button>
      <Suspense fallback={null}>{deleting && <DeletePods tenant={tenant} pods={left} onClose={() => setDeleting(false)} onDone={onKeep} />}</Suspense>
    </>
  )
}
