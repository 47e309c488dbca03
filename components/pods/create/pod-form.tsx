'use client'
import { useQuery } from '@tanstack/react-query'
import { Plus, X } from 'lucide-react'
import { useTRPC } from '@/components/client/trpc'
import { Button, IconButton } from '@/components/ui/button'
import { Combobox } from '@/components/ui/combobox'
import { Field } from '@/components/ui/field'
import { Input, Select } from '@/components/ui/input'
import { Panel } from '@/components/ui/panel'
import { writeDraft, type DraftPath, type PodDraft } from '../draft'
import { ContainerFields } from './container-fields'
import type { ConfigurationOption } from './environment-fields'
import { problemAt, type Problems } from './problem-at'
import { Rows } from './rows'
import { VolumeFields } from './volume-fields'

type PodFormProps = { tenant: string; text: string; draft: PodDraft; onChange: (next: string) => void; problems: Problems }

type Listed = { metadata: { name: string }; keys: string[]; type?: string }
const toObjects = (items: readonly Listed[] | undefined): ConfigurationOption[] => (items ?? []).map(({ metadata, keys, type = '' }) => ({ value: metadata.name, detail: keys.slice(0, 3).join(', '), keys, type }))

/** The draft as fields. Each change is written into the text; nothing is held twice. */
export function PodForm({ tenant, text, draft, onChange, problems }: PodFormProps) {
  const trpc = useTRPC()
  const namespaces = useQuery(trpc.namespace.list.queryOptions({ tenant }))
  const images = useQuery(trpc.image.list.queryOptions({ tenant }))
  const set = (path: DraftPath, value: unknown) => onChange(writeDraft(text, path, value))
  const of = { tenant, namespace: draft.namespace, limit: 100 }
  const configMaps = toObjects(useQuery(trpc.configMap.list.queryOptions(of)).data?.items)
  const secrets = toObjects(useQuery(trpc.secret.list.queryOptions(of)).data?.items)
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
        <div className="mt-4">
          <Rows
            title="Pull secrets"
            hint="Secrets of type kubernetes.io/dockerconfigjson, for images of private registries."
            add="Add pull secret"
            error={problemAt(problems, 'spec.imagePullSecrets', true)}
            onAdd={() => set(['spec', 'imagePullSecrets', draft.pullSecrets.length], { name: '' })}
            rows={draft.pullSecrets.map((name, i) => (
              <div key={i} className="flex items-center gap-2">
                <span className="w-72 max-w-full"><Combobox aria-label={`Pull secret ${i + 1}`} mono value={name} options={secrets.filter((each) => each.type === 'kubernetes.io/dockerconfigjson')} onChange={(next) => set(['spec', 'imagePullSecrets', i, 'name'], next)} /></span>
                <IconButton label={`Remove pull secret ${name || i + 1}`} icon={<X className="size-4" />} onClick={() => set(['spec', 'imagePullSecrets', i], undefined)} />
              </div>
            ))}
          />
        </div>
        <div className="mt-4"><VolumeFields tenant={tenant} text={text} draft={draft} problems={problems} onChange={onChange} /></div>
        {draft.initContainers.length > 0 && <p className="mt-4 text-xs text-faint">Init containers are edited as YAML and kept as they are: <code className="font-mono">{draft.initContainers.join(', ')}</code>.</p>}
      </Panel>
      {draft.containers.map((container, i) => (
        <ContainerFields
          key={i}
          index={i}
          container={container}
          volumes={draft.volumes}
          images={images.data?.items.map((image) => ({ value: image.reference, detail: image.phase === 'Ready' ? 'on a host' : '' })) ?? []}
          configMaps={configMaps}
          secrets={secrets}
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
