'use client'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { toYaml } from '@/domain/manifest/source'
import { writeManifest } from '@/domain/manifest/write'
import { useTRPC } from '@/components/client/trpc'
import { YamlEditor } from '@/components/patterns/yaml/yaml-editor'
import { CopyButton } from '@/components/ui/copyable'
import { Segmented } from '@/components/ui/segmented'
import { usePod } from './pod-frame'

/** The pod as a manifest to keep, or whole with its status. */
export function PodYaml() {
  const { tenant, pod } = usePod()
  const trpc = useTRPC()
  const { namespace, name, labels, annotations } = pod.metadata
  const [form, setForm] = useState<'manifest' | 'whole'>('manifest')
  const whole = useQuery({ ...trpc.manifest.get.queryOptions({ tenant, kind: 'Pod', namespace, name }), enabled: form === 'whole' })
  const text = form === 'manifest' ? writeManifest('Pod', { name, namespace, labels, annotations }, pod.spec) : toYaml(whole.data ?? pod)
  return (
    <>
      <div className="flex items-center justify-between gap-3">
        <Segmented label="What to show" value={form} onChange={setForm} options={[{ value: 'manifest', label: 'Manifest', hint: 'What to apply to make this pod again' }, { value: 'whole', label: 'With status', hint: 'All that the server holds' }]} />
        <CopyButton text={text} label="Copy YAML" withText />
      </div>
      <YamlEditor label={`YAML of pod ${name}`} value={text} className="h-[calc(100dvh-232px)] min-h-80" />
    </>
  )
}
