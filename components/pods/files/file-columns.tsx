import { File, Folder, Link2, Shapes } from 'lucide-react'
import Link from 'next/link'
import type { FolderEntry } from '@/domain/pod/folder-entry'
import { formatBytes, NOTHING } from '@/components/client/formats'
import { plainName } from '@/components/client/plain-text'
import type { Column } from '@/components/patterns/data-table/columns'
import { Ago } from '@/components/patterns/time'
import { inFolder } from './container-path'
import { follow } from './path-bar'

const looks = { folder: [Folder, 'Folder'], file: [File, 'File'], link: [Link2, 'Link'], other: [Shapes, 'Special file'] } as const
const linkClass = 'inline-flex min-h-6 items-center break-all font-mono text-xs hover:text-accent-content hover:underline'

/** `rwxr-xr-x`, with setuid, setgid and sticky as ls writes them. */
export function formatMode(mode: number): string {
  const bits = [...'rwxrwxrwx'].map((letter, i) => (mode & (0o400 >> i) ? letter : '-'))
  for (const [bit, at, letter] of [[0o4000, 2, 's'], [0o2000, 5, 's'], [0o1000, 8, 't']] as const) if (mode & bit) bits[at] = bits[at] === 'x' ? letter : letter.toUpperCase()
  return bits.join('')
}

type Places = { path: string; hrefOf: (path: string) => string; downloadOf: (path: string) => string; onGo: (path: string) => void }

/** A folder and a link lead on, a file is downloaded. */
export const fileColumns = ({ path, hrefOf, downloadOf, onGo }: Places): ReadonlyArray<Column<FolderEntry>> => [
  {
    id: 'name', header: 'Name', grow: true,
    cell: (entry) => {
      const [Icon, kind] = looks[entry.type]
      const to = inFolder(path, entry.name)
      return (
        <span className="flex min-w-0 items-center gap-2">
          <Icon role="img" className="size-4 shrink-0 text-faint" aria-label={kind} />
          <span className="min-w-0 truncate">
            {entry.type === 'folder' || entry.type === 'link'
              ? <Link href={hrefOf(to)} prefetch={false} className={linkClass} onClick={(event) => follow(event, () => onGo(to))}>{plainName(entry.name)}</Link>
              : entry.type === 'file' ? <a href={downloadOf(to)} download={entry.name} className={linkClass}>{plainName(entry.name)}</a> : <span className="font-mono text-xs">{plainName(entry.name)}</span>}
            {entry.target !== null && <span className="font-mono text-xs font-normal text-faint"> → {plainName(entry.target)}</span>}
          </span>
        </span>
      )
    },
  },
  { id: 'size', header: 'Size', numeric: true, cell: (entry) => <span className="text-soft">{entry.type === 'file' ? formatBytes(entry.size) : NOTHING}</span> },
  { id: 'mode', header: 'Permissions', from: 'md', cell: (entry) => <code className="font-mono text-xs text-soft">{formatMode(entry.mode)}</code> },
  { id: 'modified', header: 'Modified', from: 'sm', cell: (entry) => <span className="text-soft"><Ago time={entry.modifiedAt > 0 ? new Date(entry.modifiedAt).toISOString() : null} /></span> },
]
