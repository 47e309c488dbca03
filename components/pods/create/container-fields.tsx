'use client'
import { Trash2, X } from 'lucide-react'
import { IconButton } from '@/components/ui/button'
import { Combobox } from '@/components/ui/combobox'
import { Field } from '@/components/ui/field'
import { Input, Select, Textarea } from '@/components/ui/input'
import { Panel } from '@/components/ui/panel'
import type { DraftPath } from '../draft'
import { numeric, type ContainerDraft } from '../draft-container'
import type { VolumeOfDraft } from '../draft-volumes'
import { EnvironmentFields, type ConfigurationOption } from './environment-fields'
import { ProbeFields } from './probe-fields'
import { problemAt } from './problem-at'
import { Rows } from './rows'
import { MountFields } from './volume-fields'

type ContainerFieldsProps = {
  index: number
  container: ContainerDraft
  volumes: readonly VolumeOfDraft[]
  images: ReadonlyArray<{ value: string; detail?: string }>
  configMaps: readonly ConfigurationOption[]
  secrets: readonly ConfigurationOption[]
  problems: ReadonlyArray<{ path: string; message: string }>
  set: (path: DraftPath, value: unknown) => void
  onRemove: (() => void) | undefined
}

const lines = (text: string) => (text === '' ? undefined : text.split('\n'))

/** One container of the draft. */
export function ContainerFields({ index, container, volumes, images, configMaps, secrets, problems, set, onRemove }: ContainerFieldsProps) {
  const at = (...rest: (string | number)[]): DraftPath => ['spec', 'containers', index, ...rest]
  const error = (field: string, deep = false) => problemAt(problems, `spec.containers[${index}].${field}`, deep)
  const optional = (path: DraftPath, text: string) => set(path, text === '' ? undefined : text)
  return (
    <Panel
      title={<>Container <span className="font-mono text-xs font-normal text-faint">{container.name}</span></>}
      actions={onRemove && <IconButton label={`Remove container ${container.name}`} icon={<Trash2 className="size-4" />} onClick={onRemove} />}
    >
      <div className="flex flex-col gap-4">
        <div className="grid gap-4 sm:grid-cols-[minmax(0,1fr)_minmax(0,2fr)_minmax(0,1fr)]">
          <Field label="Name" error={error('name')}>
            {(control) => <Input {...control} mono value={container.name} autoComplete="off" spellCheck={false} onChange={(event) => set(at('name'), event.target.value)} />}
          </Field>
          <Field label="Image" hint="Registry, repository and tag or digest" error={error('image')}>
            {(control) => <Combobox {...control} mono value={container.image} placeholder="docker.io/library/nginx:1.27" options={images} onChange={(next) => set(at('image'), next)} />}
          </Field>
          <Field label="Pull" error={error('imagePullPolicy')}>
            {(control) => (
              <Select {...control} value={container.pullPolicy} onChange={(event) => optional(at('imagePullPolicy'), event.target.value)}>
                <option value="">By the tag</option>
                <option value="Always">Always</option>
                <option value="IfNotPresent">If not present</option>
                <option value="Never">Never</option>
              </Select>
            )}
          </Field>
        </div>
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Memory limit" optional hint="Such as 128Mi or 1Gi; 64 MiB without one" error={error('resources.limits.memory')}>
            {(control) => <Input {...control} mono value={container.memory} placeholder="128Mi" onChange={(event) => optional(at('resources', 'limits', 'memory'), event.target.value)} />}
          </Field>
          <Field label="CPU limit" optional hint="Such as 500m or 2; one vCPU without one" error={error('resources.limits.cpu')}>
            {(control) => <Input {...control} mono value={container.cpu} placeholder="500m" onChange={(event) => optional(at('resources', 'limits', 'cpu'), event.target.value)} />}
          </Field>
          <Field label="Command" optional hint="One argument a line; the image’s entrypoint without one" error={error('command', true)}>
            {(control) => <Textarea {...control} mono rows={2} spellCheck={false} value={container.command.join('\n')} onChange={(event) => set(at('command'), lines(event.target.value))} />}
          </Field>
          <Field label="Arguments" optional hint="One a line" error={error('args', true)}>
            {(control) => <Textarea {...control} mono rows={2} spellCheck={false} value={container.args.join('\n')} onChange={(event) => set(at('args'), lines(event.target.value))} />}
          </Field>
        </div>
        <Rows
          title="Ports"
          add="Add port"
          error={error('ports', true)}
          onAdd={() => set(at('ports', container.ports.length), { containerPort: 80 })}
          rows={container.ports.map((port, i) => (
            <div key={i} className="flex items-center gap-2">
              <Input aria-label={`Port ${i + 1}`} mono inputMode="numeric" className="max-w-28" value={port.containerPort} onChange={(event) => set(at('ports', i, 'containerPort'), numeric(event.target.value))} />
              <span className="w-24"><Select aria-label={`Protocol of port ${i + 1}`} value={port.protocol} onChange={(event) => set(at('ports', i, 'protocol'), event.target.value === 'TCP' ? undefined : event.target.value)}><option>TCP</option><option>UDP</option></Select></span>
              <IconButton label={`Remove port ${port.containerPort}`} icon={<X className="size-4" />} onClick={() => set(at('ports', i), undefined)} />
            </div>
          ))}
        />
        <MountFields container={container} volumes={volumes} at={at} set={set} error={error} />
        <EnvironmentFields container={container} at={at} set={set} error={error} configMaps={configMaps} secrets={secrets} />
        <ProbeFields container={container} at={at} set={set} error={error} />
      </div>
    </Panel>
  )
}
