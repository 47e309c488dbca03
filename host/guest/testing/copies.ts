import { noXattrs, type TarHeader } from '@/host/images/tar/header'
import { readTar } from '@/host/images/tar/reader'
import { encodeEntry, tarEnd, tarPadding } from '@/host/images/tar/writer'
import type { ConnectedGuest } from '@/host/pods/adapters/guest'

/** What a person copies into a container and out of it. */
export function copiesOf(guestNow: () => ConnectedGuest) {
  return { copyIn, copyOut }

  /** Everything that comes out of an archive. */
  async function copyOut(container: string, path: string) {
    const chunks: Buffer[] = []
    let messages = ''
    const process = await guestNow().archive({ container, direction: 'out', path, onOutput: (stream, bytes) => Promise.resolve(stream === 'stdout' ? void chunks.push(Buffer.from(bytes)) : void (messages += Buffer.from(bytes).toString())) })
    const { exitCode } = await process.exited
    return { tar: Buffer.concat(chunks), messages, exitCode }
  }

  async function copyIn(container: string, path: string, tar: Buffer) {
    let messages = ''
    const process = await guestNow().archive({ container, direction: 'in', path, onOutput: (_, bytes) => Promise.resolve(void (messages += Buffer.from(bytes).toString())) })
    await process.write(tar)
    process.endInput()
    const { exitCode } = await process.exited
    return { messages, exitCode }
  }
}

type Entry = Partial<TarHeader> & { name: string; content?: string }

/** A tar archive of these, with what is usual where nothing is said. */
export function tarOf(entries: Entry[]): Buffer {
  const parts = entries.map(({ content = '', ...header }) => {
    const data = Buffer.from(content)
    const full: TarHeader = { type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 1_000_000_000, linkName: '', xattrs: noXattrs, ...header, size: data.length }
    return Buffer.concat([encodeEntry(full), data, tarPadding(data.length)])
  })
  return Buffer.concat([...parts, tarEnd])
}

/** What is in a tar archive. */
export async function entriesOf(tar: Buffer) {
  async function* source() {
    yield await Promise.resolve(tar)
  }
  const found: (Pick<TarHeader, 'name' | 'type' | 'mode' | 'uid' | 'gid' | 'mtime'> & { content: string })[] = []
  for await (const { header, data } of readTar(source())) {
    const parts: Buffer[] = []
    for await (const part of data()) parts.push(part)
    const { name, type, mode, uid, gid, mtime } = header
    found.push({ name, type, mode, uid, gid, mtime, content: Buffer.concat(parts).toString() })
  }
  return found
}
