'use client'
import { FolderUp, Upload } from 'lucide-react'
import { useRef, type ChangeEvent } from 'react'
import { Button } from '@/components/ui/button'
import { filesOfPicker } from './chosen-files'
import type { ChosenFile } from './upload'

/** Opens the browser's pickers for files and for a folder. */
export function UploadButtons({ onChoose }: { onChoose: (files: ChosenFile[]) => void }) {
  const files = useRef<HTMLInputElement>(null)
  const folder = useRef<HTMLInputElement>(null)
  const choose = (event: ChangeEvent<HTMLInputElement>) => {
    const chosen = filesOfPicker(event.target.files)
    // The same file may be chosen again.
    event.target.value = ''
    if (chosen.length > 0) onChoose(chosen)
  }
  return (
    <>
      <input ref={files} type="file" multiple hidden aria-label="Files to upload" onChange={choose} />
      <input ref={folder} type="file" hidden aria-label="Folder to upload" onChange={choose} {...{ webkitdirectory: '' }} />
      <Button variant="primary" icon={<Upload className="size-4" />} onClick={() => files.current?.click()}>Upload files</Button>
      <Button icon={<FolderUp className="size-4" />} onClick={() => folder.current?.click()}>Upload folder</Button>
    </>
  )
}
