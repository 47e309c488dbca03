'use client'
import { formatBytes } from '@/components/client/formats'
import { FileDrop } from '@/components/images/file-drop'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { Segmented } from '@/components/ui/segmented'
import { SnapshotField } from '@/components/volume-snapshots/snapshot-field'
import { sizeWith, type VolumeDraft } from './volume-draft'
import { Uploads } from './uploads'
import { VolumeField } from './volume-field'

type Props = { tenant: string; values: VolumeDraft; errors: Readonly<Record<string, string>>; set: <K extends keyof VolumeDraft>(name: K, value: VolumeDraft[K]) => void }

const sources = [
  { value: 'Blank', label: 'Nothing', hint: 'Empty; a file system is made at its first mount' },
  { value: 'Snapshot', label: 'Snapshot', hint: 'As a volume was then; there at once' },
  { value: 'Volume', label: 'Volume', hint: 'A clone of a volume as it is now' },
  { value: 'Image', label: 'Image', hint: 'The files of a container’s image, copied at its first mount' },
  { value: 'Upload', label: 'Archive', hint: 'A disk’s image of yours, raw or qcow2' },
] as const

/** What a new volume is made of. */
export function SourceFields({ tenant, values, errors, set }: Props) {
  const chooseFile = (file: File) => {
    set('file', file)
    set('upload', '')
  }
  const chooseUpload = (id: string) => {
    if (id) set('file', null)
    set('upload', id)
  }
  const chooseSource = (next: VolumeDraft['source']) => {
    set('source', next)
    set('size', sizeWith(values, next, null))
  }
  const chooseCopied = (kind: 'snapshot' | 'volume', next: string, chosen: { status: { sizeBytes: number } } | undefined) => {
    set(kind, next)
    set('size', sizeWith(values, values.source, chosen?.status.sizeBytes ?? null))
  }
  return (
    <>
      <div className="flex flex-col items-start gap-1">
        <span className="text-xs font-medium text-soft" aria-hidden>Made of</span>
        <Segmented<VolumeDraft['source']> label="Made of" value={values.source} onChange={chooseSource} options={sources} />
        {errors['source'] && <p role="alert" className="text-xs text-error-content">{errors['source']}</p>}
      </div>
      {values.source === 'Snapshot' && <SnapshotField tenant={tenant} value={values.snapshot} error={errors['snapshot']} onChange={(next, chosen) => chooseCopied('snapshot', next, chosen)} hint={(chosen) => (chosen ? `It has ${formatBytes(chosen.status.sizeBytes)}: the volume needs as much at least` : 'The volume is there at once, and diverges from it')} />}
      {values.source === 'Volume' && <VolumeField tenant={tenant} value={values.volume} error={errors['volume']} onChange={(next, chosen) => chooseCopied('volume', next, chosen)} hint={(chosen) => (chosen ? `It has ${formatBytes(chosen.status.sizeBytes)}: the clone needs as much at least` : 'A snapshot is taken for it, and goes once nothing depends on it')} />}
      {values.source === 'Image' && (
        <Field label="Image" hint="Its files are copied by the first pod that writes it, without extended attributes" error={errors['image']}>
          {(control) => <Input {...control} mono autoComplete="off" spellCheck={false} value={values.image} placeholder="docker.io/library/nginx:1" onChange={(event) => set('image', event.target.value)} />}
        </Field>
      )}
      {values.source === 'Upload' && (
        <Field label="Archive" hint="It is sent first; what does not begin as qcow2 is taken as raw" error={errors['file']}>
          {(control) => <FileDrop control={control} file={values.file} accept=".qcow2,.raw,.img,application/octet-stream" onFile={chooseFile} />}
        </Field>
      )}
      {values.source === 'Upload' && <Uploads tenant={tenant} value={values.upload} onChange={chooseUpload} />}
    </>
  )
}
