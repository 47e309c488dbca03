'use client'
import { RotateCw, X } from 'lucide-react'
import { formatBytes, formatCount } from '@/components/client/formats'
import { Button, IconButton } from '@/components/ui/button'
import { Panel } from '@/components/ui/panel'
import { Progress } from '@/components/ui/progress'
import { StateBadge, type StateShape } from '@/components/ui/state-badge'
import { inFolder } from './container-path'
import type { Upload } from './use-uploads'

const shapes: Record<Upload['state'], [StateShape, string]> = { waiting: ['unknown', 'Waiting'], sending: ['changing', 'Uploading'], done: ['running', 'Uploaded'], failed: ['failed', 'Failed'], cancelled: ['stopped', 'Cancelled'] }
const isOver = (upload: Upload): boolean => upload.state !== 'waiting' && upload.state !== 'sending'

type UploadListProps = { uploads: readonly Upload[]; onCancel: (id: number) => void; onRepeat: (upload: Upload) => void; onClear: () => void }

/** What is being uploaded and what became of it. */
export function UploadList({ uploads, onCancel, onRepeat, onClear }: UploadListProps) {
  if (uploads.length === 0) return null
  const over = uploads.filter(isOver)
  const failed = uploads.filter((each) => each.state === 'failed').length
  const summary = `${over.length - failed} of ${formatCount(uploads.length, 'file')} done${failed > 0 ? `, ${failed} failed` : ''}`
  return (
    <Panel title="Uploads" description={<span role="status">{summary}</span>} actions={over.length > 0 && <Button size="sm" onClick={onClear}>Clear finished uploads</Button>} flush>
      <ul aria-label="Uploads" tabIndex={0} className="max-h-72 divide-y divide-stroke overflow-y-auto focus-visible:-outline-offset-2">
        {uploads.map((upload) => <UploadRow key={upload.id} upload={upload} onCancel={onCancel} onRepeat={onRepeat} />)}
      </ul>
    </Panel>
  )
}

function UploadRow({ upload, onCancel, onRepeat }: { upload: Upload } & Pick<UploadListProps, 'onCancel' | 'onRepeat'>) {
  const { chosen: { file, into }, target, state, sent, message } = upload
  const [shape, word] = shapes[state]
  const name = into === '' ? file.name : `${into}/${file.name}`
  return (
    <li className="flex min-h-10 flex-wrap items-center gap-x-4 gap-y-1 px-4 py-1.5 text-sm">
      <span className="min-w-0 flex-1 basis-60">
        <code className="block truncate font-mono text-xs" title={inFolder(target.folder, name)}>{name}</code>
        {state === 'sending' && <Progress value={sent} max={file.size} label={`Upload of ${name}`} className="mt-1 h-1 w-full" />}
        {message && <span role="alert" className="block break-words text-xs text-error-content">{message}</span>}
      </span>
      <span className="text-xs text-faint">{state === 'sending' ? `${formatBytes(sent)} of ${formatBytes(file.size)}` : formatBytes(file.size)}</span>
      <StateBadge shape={shape}>{word}</StateBadge>
      <span className="flex w-7 justify-end">
        {!isOver(upload) && <IconButton label={`Cancel upload of ${name}`} icon={<X className="size-4" />} onClick={() => onCancel(upload.id)} />}
        {(state === 'failed' || state === 'cancelled') && <IconButton label={`Upload ${name} again`} icon={<RotateCw className="size-4" />} onClick={() => onRepeat(upload)} />}
      </span>
    </li>
  )
}
