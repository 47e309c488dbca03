'use client'
import { useRef, useState } from 'react'
import { z } from 'zod'
import { formatBytes } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { putFile } from '@/components/images/send-archive'
import { Button } from '@/components/ui/button'
import { Progress } from '@/components/ui/progress'

const answer = z.object({ id: z.uuid() })
type Sent = { bytes: number; of: number }

/** Sends a disk's image of which a volume shall be made. One that was sent is not sent again when the form is: the server keeps it for a day. */
export function useSendVolume(tenant: string) {
  const [sent, setSent] = useState<Sent | null>(null)
  const cancelling = useRef<AbortController | null>(null)
  const kept = useRef<{ file: File; id: string } | null>(null)
  /** Its id; null: it was cancelled. */
  const send = async (file: File): Promise<string | null> => {
    if (kept.current?.file === file) return kept.current.id
    cancelling.current = new AbortController()
    setSent({ bytes: 0, of: file.size })
    try {
      const { id } = answer.parse(JSON.parse(await putFile(paths.volumeUploadApi(tenant), 'application/octet-stream', file, (bytes) => setSent({ bytes, of: file.size }), cancelling.current.signal)))
      kept.current = { file, id }
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
