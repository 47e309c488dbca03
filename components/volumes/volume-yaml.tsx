'use client'
import { useQuery } from '@tanstack/react-query'
import { Pencil } from 'lucide-react'
import { useState } from 'react'
import { toYaml } from '@/domain/manifest/source'
import { writeManifest } from '@/domain/manifest/write'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { YamlEditor } from '@/components/patterns/yaml/yaml-editor'
import { ButtonLink } from '@/components/ui/button'
import { CopyButton } from '@/components/ui/copyable'
import { Segmented } from '@/components/ui/segmented'
import { useVolume } from './volume-frame'

/** The volume as a manifest to keep, or whole with its status. */
export function VolumeYaml() {
  const { tenant, volume: { metadata: { name, labels, annotations }, spec, status } } = useVolume()
  const trpc = useTRPC()
  const [form, setForm] = useState<'manifest' | 'whole'>('manifest')
  const whole = useQuery({ ...trpc.manifest.get.queryOptions({ tenant, kind: 'Volume', name }), enabled: form === 'whole' })
  const text = form === 'whole' && whole.data ? toYaml(whole.data) : writeManifest('Volume', { name, labels, annotations }, spec)
  return (
    <>
      <div className="flex items-center justify-between gap-3">
        <Segmented label="What to show" value={form} onChange={setForm} options={[{ value: 'manifest', label: 'Manifest', hint: 'What to apply to have such a volume again, empty' }, { value: 'whole', label: 'With status', hint: 'All that the server holds' }]} />
        <span className="flex items-center gap-2">
          <CopyButton text={text} label="Copy YAML" withText />
          {status.phase !== 'Deleted' && <ButtonLink icon={<Pencil className="size-4" />} href={paths.applyYaml(tenant, { from: `Volume/${name}` })}>Edit</ButtonLink>}
        </span>
      </div>
      <YamlEditor label={`YAML of volume ${name}`} value={text} className="h-[calc(100dvh-232px)] min-h-80" />
    </>
  )
}
