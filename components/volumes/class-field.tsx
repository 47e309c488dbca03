'use client'
import type { VolumeOffer } from '@/domain/volume/offer'
import { Callout } from '@/components/ui/callout'
import { Field } from '@/components/ui/field'
import { Select } from '@/components/ui/input'
import { useVolumeOffer } from './volume-quota'
import { limitLines } from './words'

/** What volumes of a class have. */
const classText = ({ spec, shared }: VolumeOffer['classes'][number]): string => [shared ? 'Any host opens it' : 'Lies on one host’s disk, where its pods go', spec.fsType, ...(spec.allowVolumeExpansion ? [] : ['does not grow']), ...limitLines(spec.limits).map((line) => `at most ${line}`)].join(' · ')

/** Which storage class; empty: the usual one. */
export function ClassField({ tenant, value, error, onChange }: { tenant: string; value: string; error: string | undefined; onChange: (next: string) => void }) {
  const { data } = useVolumeOffer(tenant)
  const classes = data?.classes ?? []
  const usual = classes.find(({ spec }) => spec.default)
  const chosen = value === '' ? usual : classes.find(({ name }) => name === value)
  if (data && classes.length === 0) return <Callout tone="error" title="There is no storage class">Ask an operator of the installation for one: without it no volume can be kept.</Callout>
  return (
    <Field label="Class" hint={chosen && classText(chosen)} error={error}>
      {(control) => (
        <Select {...control} value={value} onChange={(event) => onChange(event.target.value)}>
          <option value="">{usual ? `The usual one (${usual.name})` : 'Choose a class'}</option>
          {classes.map(({ name }) => <option key={name}>{name}</option>)}
        </Select>
      )}
    </Field>
  )
}
