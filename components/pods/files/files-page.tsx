'use client'
import { useQuery } from '@tanstack/react-query'
import { Download, Folder, RotateCw } from 'lucide-react'
import { containersOf } from '@/domain/pod/container-of'
import type { FolderEntry } from '@/domain/pod/folder-entry'
import { podActions } from '@/domain/pod/transitions'
import type { Action } from '@/components/client/actions'
import { formatCount } from '@/components/client/formats'
import { LeaveGuard } from '@/components/client/leave-guard'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { QueryFailure } from '@/components/patterns/failure'
import { Button, IconButton } from '@/components/ui/button'
import { Callout } from '@/components/ui/callout'
import { EmptyState } from '@/components/ui/empty-state'
import { ContainerPicker } from '../container-picker'
import { usePod } from '../pod-frame'
import { filesOfDrop } from './chosen-files'
import { cleanPath, inFolder, parentOf } from './container-path'
import { DropArea } from './drop-area'
import { fileColumns } from './file-columns'
import { PathBar } from './path-bar'
import type { ChosenFile } from './upload'
import { UploadButtons } from './upload-buttons'
import { UploadList } from './upload-list'
import { useUploads } from './use-uploads'

/** The browser's own download: it tells of progress and failure itself. */
function download(url: string, name: string): void {
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
}

const baseOf = (path: string): string => path.split('/').at(-1) ?? ''

/** The files of a container: browse, download, upload. */
export function PodFiles() {
  const { tenant, pod } = usePod()
  const trpc = useTRPC()
  const query = useQueryString()
  const { namespace, name } = pod.metadata
  const containers = containersOf(pod.spec).map((each) => each.spec.name)
  const container = containers.find((each) => each === query.get('container')) ?? pod.spec.containers[0]?.name ?? ''
  const path = cleanPath(query.get('path') || '/')
  const blocked = podActions.copyFiles(pod)
  const list = useQuery({ ...trpc.pod.listFiles.queryOptions({ tenant, namespace, name, container, path }), enabled: blocked === null, retry: false, staleTime: 0 })
  const uploads = useUploads(() => void list.refetch())
  if (blocked !== null) return <EmptyState icon={<Folder />} title="No files now">{blocked}</EmptyState>

  const hrefOf = (to: string) => paths.podFiles(tenant, namespace, name, { container, path: to })
  const fileOf = (to: string) => paths.podFilesApi(tenant, namespace, name, { container, path: to, raw: '1' })
  const tarOf = (to: string) => paths.podFilesApi(tenant, namespace, name, { container, path: to })
  const go = (to: string) => query.push({ path: to === '/' ? null : to })
  const start = (files: readonly ChosenFile[]) => uploads.start({ tenant, namespace, name, container, folder: path }, files)
  const actionsOf = (entry: FolderEntry): Action[] => {
    const to = inFolder(path, entry.name)
    const icon = <Download className="size-4" />
    return [
      ...(entry.type === 'file' || entry.type === 'link' ? [{ id: 'file', label: 'Download file', icon, run: () => download(fileOf(to), entry.name) }] : []),
      ...(entry.type === 'other' ? [] : [{ id: 'tar', label: 'Download as tar archive', icon, run: () => download(tarOf(to), `${entry.name}.tar`) }]),
    ]
  }
  const rows = list.data?.entries
  const busy = uploads.uploads.some((each) => each.state === 'sending' || each.state === 'waiting')
  const archive = path === '/'
    ? { disabledReason: 'The root holds the kernel’s own folders, which have no end. Open a folder and download that.' }
    : { onClick: () => download(tarOf(path), `${baseOf(path)}.tar`) }
  return (
    <>
      <div className="flex flex-wrap items-center gap-2">
        <ContainerPicker containers={containers} value={container} onChange={(next) => query.push({ container: next, path: null })} />
        <span className="flex-1" />
        <UploadButtons onChoose={start} />
        <Button icon={<Download className="size-4" />} {...archive}>Download folder</Button>
      </div>
      {uploads.problem && <Callout tone="error" title="Nothing was uploaded">{uploads.problem}</Callout>}
      <UploadList uploads={uploads.uploads} onCancel={uploads.cancel} onRepeat={uploads.repeat} onClear={uploads.clear} />
      <div className="flex items-start gap-2">
        <PathBar path={path} hrefOf={hrefOf} onGo={go} />
        <IconButton label="Read the folder again" icon={<RotateCw className="size-4" />} onClick={() => void list.refetch()} />
      </div>
      <p role="status" className="sr-only">{rows ? `Folder ${path}, ${formatCount(rows.length, 'entry', 'entries')}` : list.error ? `Folder ${path} cannot be shown` : ''}</p>
      <DropArea hint={`Upload into ${path}`} onDrop={(items) => void filesOfDrop(items).then(start, () => uploads.refuse('The browser could not read what was dropped. Use “Upload files” or “Upload folder”.'))}>
        {list.error && !rows
          ? (
            <div className="flex flex-col items-start gap-3">
              <QueryFailure error={list.error} title={`${path} cannot be shown as a folder`} onRetry={() => void list.refetch()} />
              <div className="flex flex-wrap gap-2">
                <Button onClick={() => go(parentOf(path))}>Go to {parentOf(path)}</Button>
                <Button icon={<Download className="size-4" />} onClick={() => download(fileOf(path), baseOf(path))}>Download it as a file</Button>
              </div>
            </div>
          )
          : (
            <DataTable
              label="Files"
              columns={fileColumns({ path, hrefOf, downloadOf: fileOf, onGo: go })}
              rows={rows}
              rowKey={(entry) => entry.name}
              rowName={(entry) => entry.name}
              actions={actionsOf}
              empty={<EmptyState icon={<Folder />} title="This folder is empty">Drop files here, or use “Upload files”.</EmptyState>}
              footer={rows && rows.length > 0 && <p className="border-t border-stroke px-4 py-2.5 text-xs text-faint">{formatCount(rows.length, 'entry', 'entries')}{list.data?.truncated && '. The folder has more: use a terminal for the rest.'}</p>}
            />
          )}
      </DropArea>
      <LeaveGuard changed={busy} what="What is still being uploaded" />
    </>
  )
}
