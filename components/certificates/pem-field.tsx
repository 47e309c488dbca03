'use client'
import { Field } from '@/components/ui/field'
import { Textarea } from '@/components/ui/input'

/** Larger is no certificate, whatever it is. */
const mostBytes = 256 * 1024

/** A text in PEM: pasted, dropped as a file, or chosen. */
export function PemField({ label, hint, value, error, onChange }: { label: string; hint: string; value: string; error: string | undefined; onChange: (next: string) => void }) {
  const take = (file: File | undefined) => {
    if (file && file.size <= mostBytes) void file.text().then(onChange)
  }
  return (
    <div className="flex flex-col gap-1.5">
      <Field label={label} hint={hint} error={error}>
        {(control) => (
          <Textarea
            {...control}
            mono
            rows={6}
            spellCheck={false}
            autoComplete="off"
            placeholder={`-----BEGIN ${label === 'Certificate' ? 'CERTIFICATE' : 'PRIVATE KEY'}-----`}
            value={value}
            onChange={(event) => onChange(event.target.value)}
            onDragOver={(event) => event.preventDefault()}
            onDrop={(event) => { event.preventDefault(); take(event.dataTransfer.files[0]) }}
          />
        )}
      </Field>
      <label className="inline-flex min-h-6 w-fit cursor-pointer items-center rounded-sm text-xs text-accent-content hover:underline has-focus-visible:outline-2 has-focus-visible:outline-accent">
        Choose a file
        <input type="file" accept=".pem,.crt,.cer,.key" aria-label={`File of the ${label.toLowerCase()}`} className="sr-only" onChange={(event) => take(event.target.files?.[0])} />
      </label>
    </div>
  )
}
