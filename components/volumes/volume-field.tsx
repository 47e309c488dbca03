'use client'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { VolumeView } from '@/domain/volume/view'
import { formatBytes } from '@/components/client/formats'
import { useTRPC } from '@/components/client/trpc'
import { Combobox } from '@/components/ui/combobox'
import { Field } from '@/components/ui/field'

type Props = { tenant: string; label?: string; value: string; error: string | undefined; hint: (chosen: VolumeView | undefined) => ReactNode; /** `chosen`: the volume of that name, where it is known. */ onChange: (next: string, chosen: VolumeView | undefined) => void; /** Which may be chosen. */ may?: (volume: VolumeView) => boolean; focus?: boolean }

/** A volume by name: what is typed is asked of the server. */
export function VolumeField({ tenant, label = 'Volume', value, error, hint, onChange, may = () => true, focus = false }: Props) {
  const search = value.trim()
  const volumes = useQuery(useTRPC().volume.list.queryOptions({ tenant, limit: 50, ...(search && { search }) }))
  const items = volumes.data?.items ?? []
  return (
    <Field label={label} hint={volumes.data?.total === 0 && !search ? 'There is no volume yet.' : hint(items.find(({ metadata }) => metadata.name === search))} error={error}>
      {(control) => <Combobox {...control} {...(focus && { autoFocus: true, 'data-autofocus': true })} mono value={value} onChange={(next) => onChange(next, items.find(({ metadata }) => metadata.name === next.trim()))} options={items.filter(may).map(({ metadata, status }) => ({ value: metadata.name, detail: formatBytes(status.sizeBytes) }))} />}
    </Field>
  )
}
