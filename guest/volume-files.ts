import * as os from 'qjs:os'
import * as std from 'qjs:std'
import type { WriteFilesParams } from '@/contracts/guest/v1/requests'
import { GuestError } from '@/guest/errors'
import { listFolder, makeFolder, removeTree, writeFile } from '@/guest/files'
import { runScript } from '@/guest/processes'
import { decodeBase64 } from '@/guest/text'
import { filePathParts } from '@/guest/volume-paths'

/**
 * The files of a configuration volume, as the kubelet's AtomicWriter lays them out (pkg/volume/util/atomic_writer.go):
 * each version is a folder, `..data` a link to the newest, and every name a link through it. Replacing `..data` replaces
 * all files at once, and who has read half of them reads the same version on.
 */

const dataLink = '..data'
const draftLink = '..draft'
/** Requests that write files come one after another. */
const encodedDraft = '/tmp/encoded'
/** Characters of base64. */
const decodedHere = 16 * 1024

function versionFolder(version: string): string {
  return `..version_${version}`
}

function check(error: number, what: string, path: string): void {
  if (error < 0) throw new GuestError('Unavailable', `${what}: ${std.strerror(-error)}`, path)
}

/** The folder of the version that is visible, or undefined. */
function current(volume: string): string | undefined {
  const [target, error] = os.readlink(`${volume}/${dataLink}`)
  return error === 0 ? target : undefined
}

/** Puts a link in the place of another one, at no moment of which there is none. */
function replaceLink(target: string, volume: string, name: string): void {
  const draft = `${volume}/${draftLink}`
  os.remove(draft)
  check(os.symlink(target, draft), 'cannot make a link', name)
  check(os.rename(draft, `${volume}/${name}`), 'cannot replace a link', name)
}

/** Makes a version visible; the links to what it does not have and the versions before it go. */
function commit(volume: string, folder: string): void {
  replaceLink(folder, volume, dataLink)
  const names = new Set(listFolder(`${volume}/${folder}`))
  for (const name of names) {
    if (os.readlink(`${volume}/${name}`)[0] !== `${dataLink}/${name}`) replaceLink(`${dataLink}/${name}`, volume, name)
  }
  for (const name of listFolder(volume)) {
    if (name !== dataLink && name !== folder && !names.has(name)) removeTree(`${volume}/${name}`)
  }
}

/** Writes files of a version and, where the request says so, commits it. A version that is visible already is left as it is. */
export async function writeVolumeFiles(volume: string, { version, files, commit: last }: Omit<WriteFilesParams, 'volume'>, group: number): Promise<void> {
  const folder = versionFolder(version)
  if (current(volume) === folder) return
  const paths = files.map(({ path }) => filePathParts(path))
  const made = new Set<string>()
  const make = (path: string) => {
    if (!made.has(path)) makeFolder(path)
    made.add(path)
  }
  make(`${volume}/${folder}`)
  for (const [index, { mode, contentBase64, append = false }] of files.entries()) {
    const path = [volume, folder, ...(paths[index] ?? [])].join('/')
    make(path.slice(0, path.lastIndexOf('/')))
    if (!append) os.remove(path)
    // With a group, which owns the folder and so the file, the group may read: as the kubelet's SetVolumeOwnership.
    const granted = group === 0 ? mode : mode | 0o440
    if (append) await appendDecoded(path, contentBase64)
    else if (contentBase64.length <= decodedHere) writeFile(path, decodeBase64(contentBase64), granted)
    else await writeDecoded(path, contentBase64, granted)
  }
  if (last) commit(volume, folder)
}

/** A large content is decoded by a program: in the agent it would take a second, in which nothing else is answered. */
async function writeDecoded(path: string, contentBase64: string, mode: number): Promise<void> {
  writeFile(path, '', mode)
  await appendDecoded(path, contentBase64)
}

async function appendDecoded(path: string, contentBase64: string): Promise<void> {
  const draft = std.open(encodedDraft, 'w')
  draft?.puts(contentBase64)
  draft?.close()
  const { exitCode, output } = await runScript('base64 -d "$1" >>"$2"', [encodedDraft, path])
  os.remove(encodedDraft)
  if (exitCode !== 0) throw new GuestError('Unavailable', `cannot write: ${output}`, path)
}
