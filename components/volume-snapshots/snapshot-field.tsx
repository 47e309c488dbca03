'use client'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { VolumeSnapshotView } from '@/domain/volume-snapshot/view'
import { formatBytes } from '@/components/client/formats'
import { useTRPC } from '@/components/client/trpc'
import { Combobox } from '@/components/ui/combobox'
import { Field } from '@/components/ui/field'

type Props = { tenant: string; label?: string; optional?: boolean; value: string; error: string | undefined; hint: (chosen: VolumeSnapshotView | undefined) => ReactNode; /** `chosen`: the snapshot of that name, where it is known. */ onChange: (next: string, chosen: VolumeSnapshotView | undefined) => void }

/** A snapshot that is taken, by name: what is typed is asked of the server, the newest first. */
export function SnapshotField({ tenant, label = 'Snapshot', optional = false, value, error, hint, onChange }: Props) {
  const search = value.trim()
  const snapshots = useQuery(useTRPC().volumeSnapshot.list.queryOptions({ tenant, limit: 50, sort: 'created', descending: true, ...(search && { search }) }))
  const items = snapshots.data?.items ?? []
  return (
    <Field label={label} optional={optional} hint={snapshots.data?.total === 0 && !search && !optional ? 'There is none yet: take one of a volume first.' : hint(items.find(({ metadata }) => metadata.name === search))} error={error}>
      {(control) => <Combobox {...control} mono value={value} onChange={(next) => onChange(next, items.find(({ metadata }) => metadata.name === next.trim()))} options={items.filter(({ status }) => status.phase === 'Ready').map(({ metadata, status }) => ({ value: metadata.name, detail: `${status.volume?.name ?? 'of a volume that is gone'}, ${formatBytes(status.sizeBytes)}` }))} />}
    </Field>
  )
}
