'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { VolumeClaimView } from '@/domain/volume-claim/view'
import { toFailure } from '@/components/client/errors'
import { formatBytes, formatCount } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'
import { TextLink } from '@/components/ui/text-link'
import { previewOf } from '@/components/volumes/consequences'
import { useVolumeOffer } from '@/components/volumes/volume-quota'

type Props = { tenant: string; claim: VolumeClaimView; onClose: () => void; onDeleted?: () => void }

/** Asks before a claim goes. Its class says what becomes of its volume, the server what follows from that. Where bytes go with it its name is typed. */
export function DeleteClaim({ tenant, claim: { metadata: { namespace = 'default', name } }, onClose, onDeleted }: Props) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  // As it is now: the list that it was chosen from may be older.
  const claim = useQuery({ ...trpc.volumeClaim.get.queryOptions({ tenant, namespace, name }), staleTime: 0, retry: false })
  const fate = useFateOf(tenant, claim.data)
  const failure = claim.error ?? fate.error
  return (
    <DeleteDialog
      noun="claim"
      name={name}
      typeName={fate.hasBytes}
      disabledReason={failure ? toFailure(failure).message : claim.data && fate.lines ? undefined : 'The server has not said yet what follows from it.'}
      consequences={failure ? ['What follows from it could not be found out.'] : claim.data && fate.lines ? [<UsedBy key="pods" tenant={tenant} claim={claim.data} />, ...fate.lines] : ['What follows from it is being found out…']}
      onDelete={async () => {
        await api.volumeClaim.delete.mutate({ tenant, namespace, name })
        onDeleted?.()
        await queries.invalidateQueries({ queryKey: trpc.volumeClaim.list.queryKey() })
      }}
      onClose={onClose}
    />
  )
}

const most = 10

/** A claim stays as long as a pod names it. */
function UsedBy({ tenant, claim: { metadata: { namespace = 'default' }, status: { usedBy } } }: { tenant: string; claim: VolumeClaimView }) {
  if (usedBy.length === 0) return <>No pod names it: it goes at once.</>
  return (
    <>
      {formatCount(usedBy.length, 'pod')} of namespace {namespace} {usedBy.length === 1 ? 'names' : 'name'} it, and {usedBy.length === 1 ? 'goes' : 'go'} on with it; the claim goes once {usedBy.length === 1 ? 'that is' : 'they are'} gone:{' '}
      {usedBy.slice(0, most).map((pod, i) => <span key={pod}>{i > 0 && ', '}<TextLink size="sm" href={paths.pod(tenant, namespace, pod)}>{pod}</TextLink></span>)}{usedBy.length > most && ` and ${usedBy.length - most} more`}.
    </>
  )
}

/** What becomes of a claim's volume, a line each; null: it is not known yet. */
function useFateOf(tenant: string, claim: VolumeClaimView | undefined): { lines: ReactNode[] | null; hasBytes: boolean; error: unknown } {
  const trpc = useTRPC()
  const offer = useVolumeOffer(tenant)
  const name = claim?.status.volume ?? null
  const input = { tenant, name: name ?? 'none' }
  const volume = useQuery({ ...trpc.volume.get.queryOptions(input), enabled: name !== null, staleTime: 0, retry: false })
  // Its claim is why the server refuses to delete it by itself; what would follow holds all the same.
  const preview = useQuery({ ...trpc.volume.preview.queryOptions({ ...input, verb: 'delete' }), enabled: name !== null, staleTime: 0, gcTime: 0, retry: false })
  const error = offer.error ?? volume.error ?? preview.error
  if (claim && name === null) return { lines: ['No volume is bound to it.'], hasBytes: false, error: null }
  if (!claim || !offer.data || !volume.data || !preview.data) return { lines: null, hasBytes: false, error }
  const { sizeBytes, storedBytes } = volume.data.status
  const what = <>Volume <code className="font-mono text-xs">{name}</code> of {formatBytes(sizeBytes)}{storedBytes ? `, with ${formatBytes(storedBytes)} written,` : ''}</>
  if (offer.data.classes.find((each) => each.name === claim.status.storageClass)?.spec.reclaimPolicy === 'Retain') return { lines: [<span key="stays">{what} stays as it is, and can be used without a claim or by another.</span>], hasBytes: false, error: null }
  const follows = previewOf({ data: { ...preview.data, problem: null }, error: null }).consequences
  return { lines: [<div key="goes"><strong className="font-medium text-content">{what} is deleted with it.</strong><ul className="mt-1 flex list-disc flex-col gap-1 pl-4 marker:text-faint">{follows.map((line, i) => <li key={i}>{line}</li>)}</ul></div>], hasBytes: (storedBytes ?? 0) > 0, error: null }
}
