'use client'
import { FileUp, Plus, Trash2 } from 'lucide-react'
import { useId, useRef } from 'react'
import { maxConfigurationBytes } from '@/domain/config-map/content'
import { formatBytes } from '@/components/client/formats'
import { Button, IconButton } from '@/components/ui/button'
import { Field } from '@/components/ui/field'
import { Input, Textarea } from '@/components/ui/input'
import { notify } from '@/components/ui/toast'
import { entryBytes, entryOfBytes, keyProblem, newEntry, type Entry } from './entries'

/** Keys and values, a row each: typed, or read from a file. */
export function EntryRows({ entries, onChange, error }: { entries: readonly Entry[]; onChange: (next: Entry[]) => void; error?: string | undefined }) {
  const id = useId()
  const change = (entry: Entry, patch: Partial<Entry>) => onChange(entries.map((each) => (each.id === entry.id ? { ...each, ...patch } : each)))
  const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0)
  return (
    <fieldset className="flex min-w-0 flex-col gap-2" aria-describedby={error ? `${id}-error` : undefined}>
      <legend className="mb-1 text-xs font-medium text-soft">Keys and values</legend>
      {entries.map((entry, i) => (
        <EntryRow key={entry.id} entry={entry} number={i + 1} problem={keyProblem(entries, entry)} onChange={(patch) => change(entry, patch)} onRemove={() => onChange(entries.filter((each) => each.id !== entry.id))} />
      ))}
      {error && <p id={`${id}-error`} role="alert" className="text-xs text-error-content">{error}</p>}
      <div className="flex flex-wrap items-center justify-between gap-2">
        <span className="flex gap-2">
          <Button size="sm" icon={<Plus className="size-3.5" />} onClick={() => onChange([...entries, newEntry()])}>Add key</Button>
          <FileButton label="Add files" multiple onBytes={(files) => onChange([...entries, ...files.map(({ name, bytes }) => newEntry(entryOfBytes(name, bytes)))])} />
        </span>
        <span className={bytes > maxConfigurationBytes ? 'text-xs text-error-content' : 'text-xs text-faint'}>{formatBytes(bytes)} of 1 MiB</span>
      </div>
    </fieldset>
  )
}

function EntryRow({ entry, number, problem, onChange, onRemove }: { entry: Entry; number: number; problem: string | null; onChange: (patch: Partial<Entry>) => void; onRemove: () => void }) {
  const name = entry.key || `row ${number}`
  const replaceable = entry.binary !== null || entry.kept !== null
  return (
    <div role="group" aria-label={`Row ${number}`} className="flex min-w-0 flex-col gap-2 rounded-md border border-stroke bg-raise p-3">
      <div className="flex items-start gap-2">
        <div className="min-w-0 flex-1">
          <Field label="Key" error={problem ?? undefined}>
            {(control) => <Input {...control} mono value={entry.key} autoComplete="off" spellCheck={false} readOnly={entry.kept !== null} onChange={(event) => onChange({ key: event.target.value })} />}
          </Field>
        </div>
        <IconButton label={`Remove ${name}`} icon={<Trash2 className="size-4" />} onClick={onRemove} className="mt-5 size-8" />
      </div>
      {replaceable
        ? (
          <p className="flex flex-wrap items-center gap-2 text-xs text-faint">
            {entry.kept !== null ? <>Stays as it is, {formatBytes(entry.kept)}</> : <>{formatBytes(entryBytes(entry))} that are no text</>}
            <Button size="sm" variant="ghost" onClick={() => onChange({ text: '', binary: null, kept: null })}>Write a new value</Button>
          </p>
        )
        : (
          <Field label="Value">
            {(control) => <Textarea {...control} mono rows={Math.min(12, Math.max(2, entry.text.split('\n', 12).length))} value={entry.text} autoComplete="off" spellCheck={false} onChange={(event) => onChange({ text: event.target.value })} />}
          </Field>
        )}
      <div><FileButton label="Read a file" of={name} onBytes={([file]) => file && onChange({ ...entryOfBytes(entry.key || file.name, file.bytes) })} /></div>
    </div>
  )
}

/** A button that opens the browser's own file picker and hands over what was chosen. */
function FileButton({ label, of, multiple, onBytes }: { label: string; of?: string; multiple?: boolean; onBytes: (files: { name: string; bytes: Uint8Array }[]) => void }) {
  const input = useRef<HTMLInputElement>(null)
  const read = async (files: File[]) => {
    const large = files.find((file) => file.size > maxConfigurationBytes)
    if (large) return void notify({ title: `${large.name} was not read`, detail: `It takes ${formatBytes(large.size)}; the values take 1 MiB together at most.`, tone: 'error' })
    onBytes(await Promise.all(files.map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) }))))
  }
  return (
    <>
      <Button size="sm" variant="ghost" icon={<FileUp className="size-3.5" />} onClick={() => input.current?.click()} {...(of && { 'aria-label': `${label} for ${of}` })}>{label}</Button>
      <input
        ref={input}
        type="file"
        hidden
        multiple={multiple}
        aria-label={of ? `File for ${of}` : 'Files'}
        onChange={(event) => {
          const chosen = [...(event.target.files ?? [])]
          event.target.value = ''
          void read(chosen)
        }}
      />
    </>
  )
}
