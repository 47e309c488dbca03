'use client'
import { useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useRef, useState } from 'react'
import { z } from 'zod'
import { formatBytes } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { SideForm } from '@/components/patterns/side-form'
import { Button } from '@/components/ui/button'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { Progress } from '@/components/ui/progress'
import { FileDrop } from './file-drop'
import { sendArchive } from './send-archive'
import { suggestedReference } from './words'

const initial: { file: File | null; reference: string } = { file: null, reference: '' }
const schema = z.object({ file: z.custom<File | null>().refine((file) => file !== null, 'Choose an archive'), reference: z.string().min(1, 'Name the image, such as app:1') })

/** An archive of an image, sent to the server beside the list. */
export function UploadForm({ tenant }: { tenant: string }) {
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  const [sent, setSent] = useState<{ bytes: number; of: number } | null>(null)
  const cancel = useRef<AbortController | null>(null)
  const form = useForm({
    initial,
    schema,
    submit: async ({ file, reference }) => {
      if (!file) return false
      cancel.current = new AbortController()
      setSent({ bytes: 0, of: file.size })
      try {
        await sendArchive(tenant, reference.trim(), file, (bytes) => setSent({ bytes, of: file.size }), cancel.current.signal)
        return true
      } catch (error) {
        if (error instanceof DOMException && error.name === 'AbortError') return false
        throw error
      } finally {
        setSent(null)
      }
    },
    onDone: (isSent) => {
      if (!isSent) return
      void queries.invalidateQueries({ queryKey: trpc.image.list.queryKey() })
      router.push(paths.images(tenant))
    },
  })
  const { values, set, errors } = form
  return (
    <SideForm
      title="Upload image"
      description={<>An archive of “docker save”, or an OCI archive, packed with gzip or not; at most 10 GiB. Only pods of this tenant use it.</>}
      submit="Upload image"
      back={paths.images(tenant)}
      form={form}
    >
      <Field label="Archive" error={errors['file']}>
        {(control) => (
          <FileDrop
            control={control}
            file={values.file}
            onFile={(file) => {
              set('file', file)
              if (values.reference === '') set('reference', suggestedReference(file.name))
            }}
          />
        )}
      </Field>
      <Field label="Image" hint="What pods write: a name with a tag. An upload comes before any registry; one of the same name is replaced." error={errors['reference']}>
        {(control) => <Input {...control} mono data-autofocus value={values.reference} placeholder="app:1" autoComplete="off" spellCheck={false} onChange={(event) => set('reference', event.target.value)} />}
      </Field>
      {sent && (
        <div className="flex flex-col gap-1.5">
          <Progress label="Uploading" value={sent.bytes} max={sent.of} />
          <div className="flex items-center justify-between text-xs text-faint">
            <p role="status">{sent.bytes < sent.of ? `${formatBytes(sent.bytes)} of ${formatBytes(sent.of)} sent` : 'Sent: the server is writing it down'}</p>
            <Button size="sm" onClick={() => cancel.current?.abort()}>Cancel upload</Button>
          </div>
        </div>
      )}
    </SideForm>
  )
}
