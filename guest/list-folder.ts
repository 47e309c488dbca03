import * as os from 'qjs:os'
import * as std from 'qjs:std'
import type { FolderEntry } from '@/contracts/guest/v1/answers'
import type { ListFolderParams } from '@/contracts/guest/v1/requests'
import { GuestError } from '@/guest/errors'
import { pause } from '@/guest/pause'

/** As many symbolic links as the kernel follows in one path. */
const maxLinks = 40
/** Characters of names and link targets in one answer: a control message has its own bound. */
const maxAnswer = 128 * 1024
/** So that a large folder holds up no stream: the agent has one thread. */
const entriesPerTurn = 200

const types: Readonly<Record<number, FolderEntry['type']>> = { 0o040000: 'folder', 0o100000: 'file', 0o120000: 'link' }
const typeOf = (mode: number): FolderEntry['type'] => types[mode & os.S_IFMT] ?? 'other'

/**
 * Resolves a path below `root` as a process there would: absolute links begin at `root`, and `..` never leaves it. The
 * container may change its tree meanwhile; the guest holds nothing that is not its pod's.
 */
function resolveBelow(root: string, path: string): string {
  const left = path.split('/').filter((part) => part !== '')
  let at: string[] = []
  for (let links = 0; ; ) {
    const part = left.shift()
    if (part === undefined) return [root, ...at].join('/')
    if (part === '.') continue
    if (part === '..') {
      at.pop()
      continue
    }
    const here = [root, ...at, part].join('/')
    const [status, error] = os.lstat(here)
    if (!status) throw new GuestError('NotFound', std.strerror(error), path)
    if (typeOf(status.mode) !== 'link') {
      at.push(part)
      continue
    }
    links += 1
    const [target, unread] = os.readlink(here)
    if (links > maxLinks || unread !== 0) throw new GuestError('NotFound', links > maxLinks ? 'too many symbolic links' : std.strerror(unread), path)
    if (target.startsWith('/')) at = []
    left.unshift(...target.split('/').filter((each) => each !== ''))
  }
}

function describe(folder: string, name: string): FolderEntry {
  const path = `${folder}/${name}`
  const [status] = os.lstat(path)
  // It went away since, or its name is no UTF-8.
  if (!status) return { name, type: 'other', size: 0, mode: 0, modifiedAt: 0, target: null }
  const type = typeOf(status.mode)
  const target = type === 'link' ? os.readlink(path)[0].slice(0, 1024) : null
  return { name, type, size: status.size, mode: status.mode & 0o7777, modifiedAt: Math.max(0, Math.floor(status.mtime)), target }
}

/** One page of a folder of a container, whose first process is `pid`. Throws NotFound where there is no such folder. */
export async function listFolder(pid: number, { path, after, limit }: ListFolderParams): Promise<{ entries: FolderEntry[]; more: boolean }> {
  const folder = resolveBelow(`/proc/${pid}/root`, path)
  const [status, missing] = os.stat(folder)
  if (!status) throw new GuestError('NotFound', std.strerror(missing), path)
  if (typeOf(status.mode) !== 'folder') throw new GuestError('InvalidRequest', 'this is not a folder', path)
  const [names, unread] = os.readdir(folder)
  if (unread !== 0) throw new GuestError('Unavailable', `the folder cannot be read: ${std.strerror(unread)}`, path)
  const page = names.filter((name) => name !== '.' && name !== '..' && (after === null || name > after)).sort()
  const entries: FolderEntry[] = []
  let answer = 0
  for (const name of page.slice(0, limit)) {
    const entry = describe(folder, name)
    answer += name.length + (entry.target?.length ?? 0) + 100
    if (answer > maxAnswer && entries.length > 0) break
    entries.push(entry)
    if (entries.length % entriesPerTurn === 0) await pause(0)
  }
  return { entries, more: entries.length < page.length }
}
