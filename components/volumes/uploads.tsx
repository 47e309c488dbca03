'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Trash2 } from 'lucide-react'
import { useId, useState } from 'react'
import { formatBytes } from '@/components/client/formats'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'
import { Ago } from '@/components/patterns/time'
import { IconButton } from '@/components/ui/button'
import { uploadText } from './words'

/** Archives that were sent before and of which no volume is made yet: one may be chosen, or deleted. Nothing is shown where there is none. */
export function Uploads({ tenant, value, onChange }: { tenant: string; value: string; onChange: (id: string) => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const group = useId()
  const { data } = useQuery({ ...trpc.volume.listUploads.queryOptions({ tenant }), staleTime: 0 })
  const [deleting, setDeleting] = useState<{ id: string; text: string } | null>(null)
  const uploads = (data?.items ?? []).filter(({ volume }) => volume === null)
  if (uploads.length === 0) return null
  return (
    <fieldset className="flex flex-col gap-1">
      <legend className="mb-1 text-xs font-medium text-soft">Or one that was sent already</legend>
      {uploads.map((upload) => (
        <div key={upload.id} className="flex items-center gap-2 text-sm">
          <label className="flex min-h-6 min-w-0 flex-1 items-center gap-2">
            <input type="radio" name={group} className="accent-accent" checked={value === upload.id} onChange={() => onChange(upload.id)} />
            <span className="min-w-0 break-words">{uploadText(upload)} <span className="text-xs text-faint">· sent <Ago time={upload.createdAt} /> by {upload.createdBy}</span></span>
          </label>
          <IconButton label={`Delete upload of ${formatBytes(upload.bytes)}`} icon={<Trash2 className="size-4" />} onClick={() => setDeleting({ id: upload.id, text: uploadText(upload) })} />
        </div>
      ))}
      <p className="text-xs text-faint">Each is kept for a day, and counts towards the quota until then.</p>
      {deleting && (
        <DeleteDialog
          noun="upload"
          name={deleting.text}
          consequences={['It has to be sent again where a volume shall be made of it.']}
          onDelete={async () => {
            await api.volume.deleteUpload.mutate({ tenant, id: deleting.id })
            if (value === deleting.id) onChange('')
            await queries.invalidateQueries({ queryKey: trpc.volume.listUploads.queryKey() })
          }}
          onClose={() => setDeleting(null)}
        />
      )}
    </fieldset>
  )
}
