'use client'
import { useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { z } from 'zod'
import { archiveHeaderBytes } from '@/domain/volume/archive'
import type { volumeSpec } from '@/domain/volume/spec'
import { formatBytes } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { putFile } from '@/components/images/send-archive'
import { Button } from '@/components/ui/button'
import { Progress } from '@/components/ui/progress'

const answer = z.object({ id: z.uuid() })
type Sent = { bytes: number; of: number }
type Wanted = { name: string; spec: z.input<typeof volumeSpec> }

/** Sends a disk's image of which a volume shall be made, once the server has said that it could be. One that was sent is not sent again when the form is: the server keeps it for a day. */
export function useSendVolume(tenant: string) {
  const [sent, setSent] = useState<Sent | null>(null)
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const cancelling = useRef<AbortController | null>(null)
  const kept = useRef<{ file: File; id: string } | null>(null)
  /** Its id; null: it was cancelled. */
  const send = async (file: File, wanted: Wanted): Promise<string | null> => {
    const { items } = await api.volume.listUploads.query({ tenant })
    const before = kept.current
    if (before?.file === file && items.some(({ id }) => id === before.id)) return before.id
    await api.volume.previewUpload.query({ tenant, ...wanted, bytes: file.size, header: await headerOf(file) })
    cancelling.current = new AbortController()
    setSent({ bytes: 0, of: file.size })
    try {
      const { id } = answer.parse(JSON.parse(await putFile(paths.volumeUploadApi(tenant), 'application/octet-stream', file, (bytes) => setSent({ bytes, of: file.size }), cancelling.current.signal)))
      kept.current = { file, id }
      void queries.invalidateQueries({ queryKey: trpc.volume.listUploads.queryKey() })
      return id
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') return null
      throw error
    } finally {
      setSent(null)
    }
  }
  return { sent, send, cancel: () => cancelling.current?.abort() }
}

/** How a file begins, in base64. */
async function headerOf(file: File): Promise<string> {
  return btoa(String.fromCharCode(...new Uint8Array(await file.slice(0, archiveHeaderBytes).arrayBuffer())))
}

export function SendingVolume({ sent: { bytes, of }, onCancel }: { sent: Sent; onCancel: () => void }) {
  return (
    <div className="flex flex-col gap-1.5">
      <Progress label="Uploading" value={bytes} max={of} />
      <div className="flex items-center justify-between text-xs text-faint">
        <p role="status">{bytes < of ? `${formatBytes(bytes)} of ${formatBytes(of)} sent` : 'Sent: the server is writing it down'}</p>
        <Button size="sm" onClick={onCancel}>Cancel upload</Button>
      </div>
    </div>
  )
}
