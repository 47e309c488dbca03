import type { ChosenFile } from './upload'

/** A folder with more is for a tar archive. */
export const maxChosen = 1000

/** Files of a picker; those of a chosen folder know where in it they stand. */
export const filesOfPicker = (list: FileList | null): ChosenFile[] =>
  [...(list ?? [])].map((file) => ({ file, into: file.webkitRelativePath.split('/').slice(0, -1).join('/') }))

const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory
const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile

/** What was dropped, folders with all that is in them, up to one more than {@link maxChosen}. */
export async function filesOfDrop(items: DataTransferItemList): Promise<ChosenFile[]> {
  // The list is emptied when the event is over.
  const dropped = [...items].map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }))
  const found: ChosenFile[] = []
  for (const { entry, file } of dropped) {
    if (entry) await collect(entry, '', found)
    // A file that stands in no file system has no entry.
    else if (file) found.push({ file, into: '' })
  }
  return found
}

async function collect(entry: FileSystemEntry, into: string, found: ChosenFile[]): Promise<void> {
  if (found.length > maxChosen) return
  if (isFile(entry)) found.push({ file: await new Promise<File>((resolve, reject) => entry.file(resolve, reject)), into })
  else if (isFolder(entry)) {
    const reader = entry.createReader()
    const inside = into === '' ? entry.name : `${into}/${entry.name}`
    for (;;) {
      // It gives a part at a time, and none at the end.
      const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
      if (part.length === 0) return
      for (const each of part) await collect(each, inside, found)
    }
  }
}
