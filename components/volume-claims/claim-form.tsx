'use client'
import { useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { formatBytes } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { ObjectFields } from '@/components/config-maps/object-fields'
import { SideForm } from '@/components/patterns/side-form'
import { Field } from '@/components/ui/field'
import { Input, Select } from '@/components/ui/input'
import { More } from '@/components/ui/more'
import { Segmented } from '@/components/ui/segmented'
import { TextLink } from '@/components/ui/text-link'
import { SnapshotField } from '@/components/volume-snapshots/snapshot-field'
import { ClassField } from '@/components/volumes/class-field'
import { VolumeField } from '@/components/volumes/volume-field'
import { claimDraftSchema, claimFieldOf, claimSpecOf, newClaimDraft } from './claim-draft'

/** A new claim beside the list. */
export function ClaimForm({ tenant }: { tenant: string }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  const [initial] = useState(newClaimDraft)
  const form = useForm({
    initial,
    schema: claimDraftSchema,
    submit: (draft, requestId) => api.volumeClaim.create.mutate({ tenant, namespace: draft.namespace, name: draft.name, spec: claimSpecOf(draft), requestId }),
    fieldOf: claimFieldOf,
    onDone: () => {
      void queries.invalidateQueries({ queryKey: trpc.volumeClaim.pathKey() })
      router.push(paths.volumeClaims(tenant))
    },
  })
  const { values, set, errors } = form
  return (
    <SideForm title="Create claim" description={<TextLink href={paths.applyYaml(tenant, { kind: 'PersistentVolumeClaim' })}>Write it as YAML</TextLink>} submit="Create claim" back={paths.volumeClaims(tenant)} form={form}>
      <ObjectFields tenant={tenant} name={values.name} namespace={values.namespace} errors={errors} onName={(next) => set('name', next)} onNamespace={(next) => set('namespace', next)} />
      <div className="flex flex-col items-start gap-1">
        <span className="text-xs font-medium text-soft" aria-hidden>Volume</span>
        <Segmented label="Volume" value={values.made} onChange={(next) => set('made', next)} options={[{ value: 'made', label: 'A new one', hint: 'Made for it, and deleted with it where its class says so' }, { value: 'taken', label: 'One that is there', hint: 'Which no other claim has' }]} />
      </div>
      {values.made === 'taken' && <VolumeField tenant={tenant} label="Which volume" value={values.volume} error={errors['volume']} onChange={(next) => set('volume', next)} may={({ status }) => status.claim === null} hint={(chosen) => (chosen ? `It has ${formatBytes(chosen.status.sizeBytes)}: the claim may ask for as much at most` : 'It needs the size and the access that the claim asks for')} />}
      <Field label="Size" hint="Such as 10Gi; a number alone is of GiB" error={errors['size']}>
        {(control) => <Input {...control} mono value={values.size} autoComplete="off" spellCheck={false} onChange={(event) => set('size', event.target.value)} />}
      </Field>
      {values.made === 'made' && <ClassField tenant={tenant} value={values.storageClass} error={errors['storageClass']} onChange={(next) => set('storageClass', next)} />}
      <More wrong={['from', 'mode', 'volumeMode'].some((name) => errors[name] !== undefined)}>
        {values.made === 'made' && <SnapshotField tenant={tenant} label="Made of snapshot" optional value={values.from} error={errors['from']} onChange={(next) => set('from', next)} hint={(chosen) => (chosen ? `It has ${formatBytes(chosen.status.sizeBytes)}: the claim needs as much at least` : 'Empty: it begins empty')} />}
        <Field label="Access" error={errors['mode']}>
          {(control) => <Select {...control} value={values.mode} onChange={(event) => set('mode', event.target.value === 'ReadOnlyMany' ? 'ReadOnlyMany' : 'ReadWriteOnce')}><option value="ReadWriteOnce">One pod writes it (ReadWriteOnce)</option><option value="ReadOnlyMany">Any number of pods read it (ReadOnlyMany)</option></Select>}
        </Field>
        <Field label="Content" error={errors['volumeMode']}>
          {(control) => <Select {...control} value={values.volumeMode} onChange={(event) => set('volumeMode', event.target.value === 'Block' ? 'Block' : 'Filesystem')}><option value="Filesystem">A file system, which pods mount</option><option value="Block">A block device, which pods open</option></Select>}
        </Field>
      </More>
    </SideForm>
  )
}
