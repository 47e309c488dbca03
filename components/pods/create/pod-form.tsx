'use client'
import { useQuery } from '@tanstack/react-query'
import { Plus } from 'lucide-react'
import { useTRPC } from '@/components/client/trpc'
import { Button } from '@/components/ui/button'
import { Field } from '@/components/ui/field'
import { Input, Select } from '@/components/ui/input'
import { Panel } from '@/components/ui/panel'
import { writeDraft, type DraftPath, type PodDraft } from '../draft'
import { ContainerFields } from './container-fields'
import { problemAt, type Problems } from './problem-at'

type PodFormProps = { tenant: string; text: string; draft: PodDraft; onChange: (next: string) => void; problems: Problems }

/** The draft as fields. Each change is written into the text; nothing is held twice. */
export function PodForm({ tenant, text, draft, onChange, problems }: PodFormProps) {
  const trpc = useTRPC()
  const namespaces = useQuery(trpc.namespace.list.queryOptions({ tenant }))
  const images = useQuery(trpc.image.list.queryOptions({ tenant }))
  const set = (path: DraftPath, value: unknown) => onChange(writeDraft(text, path, value))
  const names = [...new Set([draft.namespace, ...(namespaces.data?.items ?? []).map((each) => each.metadata.name)])]
  return (
    <>
      <Panel title="Pod">
        <div className="grid gap-4 sm:grid-cols-3">
          <Field label="Name" error={problemAt(problems, 'metadata.name') ?? problemAt(problems, 'name')}>
            {(control) => <Input {...control} mono value={draft.name} autoComplete="off" spellCheck={false} onChange={(event) => set(['metadata', 'name'], event.target.value)} />}
          </Field>
          <Field label="Namespace" error={problemAt(problems, 'metadata.namespace') ?? problemAt(problems, 'namespace')}>
            {(control) => (
              <Select {...control} value={draft.namespace} onChange={(event) => set(['metadata', 'namespace'], event.target.value)}>
                {names.map((name) => <option key={name}>{name}</option>)}
              </Select>
            )}
          </Field>
          <Field label="Restart containers" error={problemAt(problems, 'spec.restartPolicy')}>
            {(control) => (
              <Select {...control} value={draft.restartPolicy} onChange={(event) => set(['spec', 'restartPolicy'], event.target.value === 'Always' ? undefined : event.target.value)}>
                <option value="Always">Always</option>
                <option value="OnFailure">On failure</option>
                <option value="Never">Never</option>
              </Select>
            )}
          </Field>
        </div>
      </Panel>
      {draft.containers.map((container, i) => (
        <ContainerFields
          key={i}
          index={i}
          container={container}
          images={images.data?.items.map((image) => ({ value: image.reference, detail: image.phase === 'Ready' ? 'on a host' : '' })) ?? []}
          problems={problems}
          set={set}
          onRemove={draft.containers.length > 1 ? () => set(['spec', 'containers', i], undefined) : undefined}
        />
      ))}
      <div>
        <Button icon={<Plus className="size-4" />} onClick={() => set(['spec', 'containers', draft.containers.length], { name: `container-${draft.containers.length + 1}`, image: '' })}>Add container</Button>
      </div>
    </>
  )
}
