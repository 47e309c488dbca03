'use client'
import { useQuery } from '@tanstack/react-query'
import { Pencil } from 'lucide-react'
import { useState } from 'react'
import { toYaml } from '@/domain/manifest/source'
import { podActions } from '@/domain/pod/transitions'
import type { PodView } from '@/domain/pod/view'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { YamlEditor } from '@/components/patterns/yaml/yaml-editor'
import { Button, ButtonLink } from '@/components/ui/button'
import { CopyButton } from '@/components/ui/copyable'
import { Segmented } from '@/components/ui/segmented'
import { usePod } from './pod-frame'
import { draftOf } from './recreate/draft-of'
import { EditPod } from './recreate/edit-pod'

/** The pod's YAML to read, or, with `edit`, its manifest to edit. */
export function PodYaml() {
  const { tenant, pod } = usePod()
  const editing = useQueryString().get('edit') === '1' && podActions.recreate(pod) === null
  return editing ? <EditPod key={pod.metadata.uid} tenant={tenant} pod={pod} /> : <ReadPod tenant={tenant} pod={pod} />
}

/** The pod as a manifest to keep, or whole with its status. */
function ReadPod({ tenant, pod }: { tenant: string; pod: PodView }) {
  const trpc = useTRPC()
  const { namespace, name } = pod.metadata
  const [form, setForm] = useState<'manifest' | 'whole'>('manifest')
  const whole = useQuery({ ...trpc.manifest.get.queryOptions({ tenant, kind: 'Pod', namespace, name }), enabled: form === 'whole' })
  const text = form === 'manifest' ? draftOf(pod) : toYaml(whole.data ?? pod)
  return (
    <>
      <div className="flex items-center justify-between gap-3">
        <Segmented label="What to show" value={form} onChange={setForm} options={[{ value: 'manifest', label: 'Manifest', hint: 'What to apply to make this pod again' }, { value: 'whole', label: 'With status', hint: 'All that the server holds' }]} />
        <span className="flex items-center gap-2">
          <CopyButton text={text} label="Copy YAML" withText />
          {podActions.recreate(pod) === null
            ? <ButtonLink icon={<Pencil className="size-4" />} href={paths.podYaml(tenant, namespace, name, { edit: '1' })}>Edit</ButtonLink>
            : <Button icon={<Pencil className="size-4" />} disabledReason={podActions.recreate(pod) ?? undefined}>Edit</Button>}
        </span>
      </div>
      <YamlEditor label={`YAML of pod ${name}`} value={text} className="h-[calc(100dvh-232px)] min-h-80" />
    </>
  )
}
