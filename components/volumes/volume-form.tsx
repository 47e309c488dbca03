'use client'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { SideForm } from '@/components/patterns/side-form'
import { Field } from '@/components/ui/field'
import { Input, Select } from '@/components/ui/input'
import { More } from '@/components/ui/more'
import { TextLink } from '@/components/ui/text-link'
import { ClassField } from './class-field'
import { limitNames } from './limits-draft'
import { LimitsFields } from './limits-fields'
import { SendingVolume, useSendVolume } from './send-volume'
import { SourceFields } from './source-fields'
import { useAfterChange } from './use-after-change'
import { newVolumeDraft, volumeDraftSchema, volumeFieldOf, volumeSpecOf, type VolumeDraft } from './volume-draft'
import { VolumeQuota } from './volume-quota'

/** A new volume beside the list: as large as what it shall be made of, where the address names that. */
export function VolumeForm({ tenant }: { tenant: string }) {
  const trpc = useTRPC()
  const from = useQueryString().get('from') || null
  const { source, volume, snapshot } = newVolumeDraft(from)
  const ofVolume = useQuery({ ...trpc.volume.get.queryOptions({ tenant, name: volume }), enabled: source === 'Volume', retry: false })
  const ofSnapshot = useQuery({ ...trpc.volumeSnapshot.get.queryOptions({ tenant, name: snapshot }), enabled: source === 'Snapshot', retry: false })
  if (ofVolume.isLoading || ofSnapshot.isLoading) return null
  return <NewVolume tenant={tenant} from={from} bytes={(ofVolume.data ?? ofSnapshot.data)?.status.sizeBytes ?? null} />
}

function NewVolume({ tenant, from, bytes }: { tenant: string; from: string | null; bytes: number | null }) {
  const api = useTRPCClient()
  const done = useAfterChange(tenant)
  const [initial] = useState(() => newVolumeDraft(from, bytes))
  const sending = useSendVolume(tenant)
  const form = useForm({
    initial,
    schema: volumeDraftSchema,
    submit: async (draft, requestId) => {
      const uploadId = draft.source === 'Upload' && draft.file ? await sending.send(draft.file, { name: draft.name, spec: volumeSpecOf(draft) }) : undefined
      return uploadId === null ? null : api.volume.create.mutate({ tenant, name: draft.name, spec: volumeSpecOf(draft, uploadId), requestId })
    },
    fieldOf: volumeFieldOf,
    onDone: (volume) => { if (volume) done(volume.metadata.name) },
  })
  const { values, set, errors } = form
  return (
    <SideForm title="Create volume" description={<TextLink href={paths.applyYaml(tenant, { kind: 'Volume' })}>Write it as YAML</TextLink>} submit="Create volume" back={paths.volumes(tenant)} form={form}>
      <VolumeQuota tenant={tenant} />
      <Field label="Name" hint="Lower-case letters, digits, dashes and dots" error={errors['name']}>
        {(control) => <Input {...control} mono autoFocus data-autofocus value={values.name} autoComplete="off" spellCheck={false} onChange={(event) => set('name', event.target.value)} />}
      </Field>
      <SourceFields tenant={tenant} values={values} errors={errors} set={set} />
      <Field label="Size" hint="Such as 10Gi; a number alone is of GiB. It can grow later, and never shrinks" error={errors['size']}>
        {(control) => <Input {...control} mono value={values.size} autoComplete="off" spellCheck={false} onChange={(event) => { set('size', event.target.value); set('sized', true) }} />}
      </Field>
      <ClassField tenant={tenant} value={values.storageClass} error={errors['storageClass']} onChange={(next) => set('storageClass', next)} />
      {sending.sent && <SendingVolume sent={sending.sent} onCancel={sending.cancel} />}
      <Content values={values} errors={errors} set={set} />
      <More label="Limits" wrong={[...limitNames, 'onFull'].some((name) => errors[name] !== undefined)}><LimitsFields values={values} errors={errors} onLimit={set} onFull={(next) => set('onFull', next)} /></More>
    </SideForm>
  )
}

type FieldsProps = { values: VolumeDraft; errors: Readonly<Record<string, string>>; set: <K extends keyof VolumeDraft>(name: K, value: VolumeDraft[K]) => void }

/** How it is used: a file system or a device, and by how many. */
function Content({ values, errors, set }: FieldsProps) {
  return (
    <More label="Content and access" wrong={['volumeMode', 'fsType', 'accessMode'].some((name) => errors[name] !== undefined)}>
      <Field label="Content" error={errors['volumeMode']}>
        {(control) => <Select {...control} value={values.volumeMode} onChange={(event) => set('volumeMode', event.target.value === 'Block' ? 'Block' : 'Filesystem')}><option value="Filesystem">A file system, which pods mount</option><option value="Block">A block device, which pods open</option></Select>}
      </Field>
      {values.volumeMode === 'Filesystem' && (
        <Field label="File system" hint="What is there already stays as it is" error={errors['fsType']}>
          {(control) => <Select {...control} value={values.fsType} onChange={(event) => set('fsType', event.target.value === 'ext4' || event.target.value === 'xfs' ? event.target.value : '')}><option value="">As its class has it</option><option>ext4</option><option>xfs</option></Select>}
        </Field>
      )}
      <Field label="Access" error={errors['accessMode']}>
        {(control) => <Select {...control} value={values.accessMode} onChange={(event) => set('accessMode', event.target.value === 'ReadOnlyMany' ? 'ReadOnlyMany' : 'ReadWriteOnce')}><option value="ReadWriteOnce">One pod writes it (ReadWriteOnce)</option><option value="ReadOnlyMany">Any number of pods read it (ReadOnlyMany)</option></Select>}
      </Field>
    </More>
  )
}
