'use client'
import { useQuery } from '@tanstack/react-query'
import { Pencil } from 'lucide-react'
import { useState } from 'react'
import { toYaml } from '@/domain/manifest/source'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { forEditing } from '@/components/manifests/apply-page'
import { QueryFailure } from '@/components/patterns/failure'
import { YamlEditor } from '@/components/patterns/yaml/yaml-editor'
import { ButtonLink } from '@/components/ui/button'
import { CopyButton } from '@/components/ui/copyable'
import { Segmented } from '@/components/ui/segmented'
import { Skeleton } from '@/components/ui/skeleton'
import { useBalancer } from './balancer-frame'

/** What asked for the balancer, as a manifest to keep, or whole with its status. */
export function BalancerYaml() {
  const { tenant, balancer: { source, metadata: { namespace, name } } } = useBalancer()
  const trpc = useTRPC()
  const [form, setForm] = useState<'manifest' | 'whole'>('manifest')
  const object = useQuery(trpc.manifest.get.queryOptions({ tenant, kind: source, namespace, name }))
  if (object.error) return <QueryFailure error={object.error} title={`${source} ${name} cannot be shown`} onRetry={() => void object.refetch()} />
  if (!object.data) return <Skeleton className="h-80 w-full" />
  const text = toYaml(form === 'whole' ? object.data : forEditing(object.data))
  return (
    <>
      <div className="flex items-center justify-between gap-3">
        <Segmented label="What to show" value={form} onChange={setForm} options={[{ value: 'manifest', label: 'Manifest', hint: `What to apply to make this ${source} again` }, { value: 'whole', label: 'With status', hint: 'All that the server holds' }]} />
        <span className="flex items-center gap-2">
          <CopyButton text={text} label="Copy YAML" withText />
          <ButtonLink icon={<Pencil className="size-4" />} href={paths.applyYaml(tenant, { from: `${source}/${namespace}/${name}` })}>Edit</ButtonLink>
        </span>
      </div>
      <YamlEditor label={`YAML of ${source} ${name}`} value={text} className="h-[calc(100dvh-232px)] min-h-80" />
    </>
  )
}
