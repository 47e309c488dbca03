'use client'
import { X } from 'lucide-react'
import { IconButton } from '@/components/ui/button'
import { Combobox } from '@/components/ui/combobox'
import { Input, Select } from '@/components/ui/input'
import type { DraftPath } from '../draft'
import type { ContainerDraft, SourceDraft, VariableDraft } from '../draft-container'
import { Rows } from './rows'

/** A ConfigMap or Secret of the pod's namespace that a field offers, with its first keys. */
export type ConfigurationOption = { value: string; detail: string; keys: readonly string[]; type: string }

export type ContainerPartProps = {
  container: ContainerDraft
  at: (...rest: (string | number)[]) => DraftPath
  set: (path: DraftPath, value: unknown) => void
  error: (field: string, deep?: boolean) => string | undefined
}
type EnvironmentProps = ContainerPartProps & { configMaps: readonly ConfigurationOption[]; secrets: readonly ConfigurationOption[] }

const row = 'grid grid-cols-[minmax(0,1fr)_28px] items-center gap-2'

/** Variables one by one, and whole ConfigMaps and Secrets as variables. */
export function EnvironmentFields({ container, at, set, error, configMaps, secrets }: EnvironmentProps) {
  return (
    <>
      <Rows
        title="Environment"
        add="Add variable"
        error={error('env', true)}
        onAdd={() => set(at('env', container.env.length), { name: '', value: '' })}
        rows={container.env.map((variable, i) => (
          <div key={i} className={row}>
            <Variable n={i + 1} variable={variable} objects={variable.from === 'secretKeyRef' ? secrets : configMaps} set={(path, value) => set(at('env', i, ...path), value)} replace={(value) => set(at('env', i), value)} />
            <IconButton label={`Remove variable ${variable.name || i + 1}`} icon={<X className="size-4" />} onClick={() => set(at('env', i), undefined)} />
          </div>
        ))}
      />
      <Rows
        title="Environment from whole objects"
        hint="Every key becomes a variable, its name with the prefix before it."
        add="Add ConfigMap or Secret"
        error={error('envFrom', true)}
        onAdd={() => set(at('envFrom', container.envFrom.length), { configMapRef: { name: '' } })}
        rows={container.envFrom.map((source, i) => (
          <div key={i} className={row}>
            <Source n={i + 1} source={source} objects={source.from === 'secretRef' ? secrets : configMaps} set={(path, value) => set(at('envFrom', i, ...path), value)} replace={(value) => set(at('envFrom', i), value)} />
            <IconButton label={`Remove source ${source.object || i + 1}`} icon={<X className="size-4" />} onClick={() => set(at('envFrom', i), undefined)} />
          </div>
        ))}
      />
    </>
  )
}

type PartProps = { n: number; objects: readonly ConfigurationOption[]; set: (path: (string | number)[], value: unknown) => void; replace: (value: unknown) => void }

function Variable({ n, variable, objects, set, replace }: PartProps & { variable: VariableDraft }) {
  const { name } = variable
  const choose = (from: string) => replace(from === 'value' ? { name, value: '' } : { name, valueFrom: { [from]: { name: '', key: '' } } })
  return (
    <div className="grid min-w-0 gap-2 sm:grid-cols-[minmax(0,4fr)_minmax(0,3fr)_minmax(0,6fr)]">
      <Input aria-label={`Name of variable ${n}`} placeholder="NAME" mono value={name} spellCheck={false} onChange={(event) => set(['name'], event.target.value)} />
      <Select aria-label={`Kind of variable ${n}`} value={variable.from} onChange={(event) => choose(event.target.value)}>
        <option value="value">Value</option>
        <option value="configMapKeyRef">ConfigMap key</option>
        <option value="secretKeyRef">Secret key</option>
        {variable.from === 'other' && <option value="other">As YAML says</option>}
      </Select>
      {variable.from === 'value' && <Input aria-label={`Value of variable ${n}`} placeholder="value" mono value={variable.value} spellCheck={false} onChange={(event) => set(['value'], event.target.value)} />}
      {variable.from === 'other' && <span className="self-center text-xs text-faint">Edited as YAML</span>}
      {(variable.from === 'configMapKeyRef' || variable.from === 'secretKeyRef') && (
        <div className="grid min-w-0 grid-cols-2 gap-2">
          <Combobox aria-label={`${variable.from === 'secretKeyRef' ? 'Secret' : 'ConfigMap'} of variable ${n}`} placeholder="name" mono value={variable.object} options={objects} onChange={(next) => set(['valueFrom', variable.from, 'name'], next)} />
          <Combobox aria-label={`Key of variable ${n}`} placeholder="key" mono value={variable.key} options={(objects.find((each) => each.value === variable.object)?.keys ?? []).map((value) => ({ value }))} onChange={(next) => set(['valueFrom', variable.from, 'key'], next)} />
        </div>
      )}
    </div>
  )
}

function Source({ n, source, objects, set, replace }: PartProps & { source: SourceDraft }) {
  if (source.from === 'other') return <span className="text-xs text-faint">Source {n} is edited as YAML</span>
  return (
    <div className="grid min-w-0 gap-2 sm:grid-cols-[minmax(0,3fr)_minmax(0,6fr)_minmax(0,4fr)]">
      <Select aria-label={`Kind of source ${n}`} value={source.from} onChange={(event) => replace({ [event.target.value]: { name: '' }, ...(source.prefix && { prefix: source.prefix }) })}>
        <option value="configMapRef">ConfigMap</option>
        <option value="secretRef">Secret</option>
      </Select>
      <Combobox aria-label={`Name of source ${n}`} placeholder="name" mono value={source.object} options={objects} onChange={(next) => set([source.from, 'name'], next)} />
      <Input aria-label={`Prefix of source ${n}`} placeholder="PREFIX_" mono value={source.prefix} spellCheck={false} onChange={(event) => set(['prefix'], event.target.value || undefined)} />
    </div>
  )
}
