'use client'
import { useQueryClient } from '@tanstack/react-query'
import { Check, X } from 'lucide-react'
import { useState } from 'react'
import type { DeletionResult } from '@/domain/pod/deletion'
import type { PodView } from '@/domain/pod/view'
import { toFailure, type Failure } from '@/components/client/errors'
import { formatCount } from '@/components/client/formats'
import { useTRPC } from '@/components/client/trpc'
import { FailureCallout } from '@/components/patterns/failure'
import { AlertDialog } from '@/components/ui/alert-dialog'
import { cn } from '@/components/ui/cn'
import { useDeleteMany } from './use-delete-many'

type DeletePodsProps = { tenant: string; pods: readonly PodView[]; onClose: () => void; onDone: (failed: ReadonlySet<string>) => void }

/** By the pod's uid. */
type Results = ReadonlyMap<string, DeletionResult>
/** Those that stay: the server refused them, or was not asked yet. */
const notDeleted = (pods: readonly PodView[], results: Results) => pods.filter((pod) => (results.get(pod.metadata.uid)?.outcome ?? 'refused') === 'refused')

/** Deletes the pods that are chosen, tells a result for each, and keeps those that failed for another try. */
export function DeletePods({ tenant, pods, onClose, onDone }: DeletePodsProps) {
  const trpc = useTRPC()
  const queries = useQueryClient()
  const deleteMany = useDeleteMany(tenant)
  // What was chosen when the dialog opened: pods that go meanwhile keep their line.
  const [asked] = useState(pods)
  const [results, setResults] = useState<Results>(() => new Map())
  const [pending, setPending] = useState(false)
  const [failure, setFailure] = useState<Failure | null>(null)
  const left = notDeleted(asked, results)
  const told = results.size > 0

  // The selection goes with the dialog: it stands in the bar that the selection shows.
  const close = (at: Results) => {
    onClose()
    if (at.size > 0) onDone(new Set(notDeleted(asked, at).map((pod) => pod.metadata.uid)))
  }
  const run = async () => {
    setPending(true)
    setFailure(null)
    let next = results
    try {
      await deleteMany(left, (answers) => {
        next = new Map([...next, ...answers])
        setResults(next)
      })
    } catch (error) {
      setFailure(toFailure(error))
    }
    await queries.invalidateQueries({ queryKey: trpc.pod.list.queryKey() })
    // Where one was gone already, or stays, the results are left to be read.
    if (notDeleted(asked, next).length === 0 && [...next.values()].every((each) => each.message === '')) return close(next)
    setPending(false)
  }
  return (
    <AlertDialog
      title={told ? pending ? `${(asked.length - left.length).toLocaleString('en')} of ${formatCount(asked.length, 'pod')} deleted` : `${formatCount(asked.length - left.length, 'pod')} deleted, ${left.length.toLocaleString('en')} not` : `Delete ${formatCount(asked.length, 'pod')}?`}
      confirm={told ? `Try ${formatCount(left.length, 'pod')} again` : `Delete ${formatCount(asked.length, 'pod')}`}
      cancel={told ? 'Close' : 'Cancel'}
      disabledReason={told && !pending && left.length === 0 ? 'All of them are being deleted or are gone.' : undefined}
      pending={pending}
      onConfirm={() => void run()}
      onClose={() => close(results)}
    >
      {failure && <FailureCallout failure={failure} title="The pods were not deleted" />}
      {!told && <Consequences pods={asked} />}
      <ul aria-label={told ? 'Results' : 'Pods to delete'} tabIndex={0} className="max-h-60 overflow-y-auto rounded-md border border-stroke bg-raise">
        {(told ? [...left, ...asked.filter((pod) => !left.includes(pod))] : asked).slice(0, shown).map((pod) => <Line key={pod.metadata.uid} pod={pod} result={results.get(pod.metadata.uid)} />)}
        {asked.length > shown && <li className="px-3 py-1.5 text-xs text-faint">and {formatCount(asked.length - shown, 'pod')} more</li>}
      </ul>
    </AlertDialog>
  )
}

/** A longer list is read by nobody; those that failed stand first. */
const shown = 200

function Consequences({ pods }: { pods: readonly PodView[] }) {
  const running = pods.reduce((sum, pod) => sum + pod.status.containers.filter((c) => c.state === 'Running').length, 0)
  const grace = Math.max(...pods.map((pod) => pod.spec.terminationGracePeriodSeconds))
  const addresses = pods.filter((pod) => pod.status.podIP).length
  const volumes = pods.reduce((sum, pod) => sum + pod.spec.volumes.filter((volume) => volume.emptyDir).length, 0)
  return (
    <ul className="flex list-disc flex-col gap-1 pl-4 marker:text-faint">
      {running > 0 && <li>{formatCount(running, 'running container')} {running === 1 ? 'gets' : 'get'} up to {formatCount(grace, 'second')} to end, then {running === 1 ? 'is' : 'are'} killed.</li>}
      <li>{formatCount(pods.length, 'virtual machine')} {pods.length === 1 ? 'is' : 'are'} removed, with {pods.length === 1 ? 'its' : 'their'} logs.</li>
      {addresses > 0 && <li>{formatCount(addresses, 'address', 'addresses')} {addresses === 1 ? 'is' : 'are'} released.</li>}
      {volumes > 0 && <li>What {formatCount(volumes, 'emptyDir volume')} {volumes === 1 ? 'holds' : 'hold'} is lost.</li>}
    </ul>
  )
}

function Line({ pod, result }: { pod: PodView; result: DeletionResult | undefined }) {
  return (
    <li className="flex items-start gap-2 border-b border-stroke px-3 py-1.5 text-sm last:border-0">
      {result && (result.outcome !== 'refused' ? <Check className="mt-0.5 size-4 shrink-0 text-success" aria-label="Deleted" /> : <X className="mt-0.5 size-4 shrink-0 text-error" aria-label="Failed" />)}
      <span className="min-w-0">
        <span className="break-all font-medium text-content">{pod.metadata.name}</span> <span className="text-xs text-faint">{pod.metadata.namespace}</span>
        {result?.message && <span className={cn('block break-words text-xs', result.outcome === 'refused' ? 'text-error-content' : 'text-faint')}>{result.message}</span>}
      </span>
    </li>
  )
}
