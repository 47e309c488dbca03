import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { malformed, tooLarge } from '../image-error'
import { openLayer, type ReadOptions } from '../layer/blob'
import { shown } from '../layer/path'
import { readTar, type TarEntry } from '../tar/reader'

const maxEntries = 5_000
const maxLinks = 10
const maxJsonBytes = 4 << 20

/** What images are made of in archives; all else is passed over. */
const isPart = (name: string): boolean => /\.(json|tar)$/.test(name) || name.startsWith('blobs/')

/**
 * The files of an archive, unpacked flat into a folder: their names are keys here and never paths on the host. Links
 * are followed among them, for `docker save` writes a layer once and links to it.
 */
export class ArchiveFiles {
  readonly #files = new Map<string, { path: string; bytes: number }>()
  readonly #links = new Map<string, string>()

  private constructor() {}

  /** Unpacks a tar archive, packed with gzip, zstd or not at all. Throws {@link ImageError} malformed or too-large, or what `makeRoom` throws. */
  static async unpack(archive: string, folder: string, { maxBytes, makeRoom }: { maxBytes: number; makeRoom: (bytes: number) => Promise<void> }, options: ReadOptions): Promise<ArchiveFiles> {
    const files = new ArchiveFiles()
    let bytes = 0
    let entries = 0
    // What the packed bytes become is bounded too, whatever the headers inside say.
    const counted = async function* (): AsyncGenerator<Buffer, void, undefined> {
      for await (const chunk of openLayer(archive, options)) {
        bytes += chunk.length
        if (bytes > maxBytes) throw tooLarge(`The archive is larger than ${maxBytes} bytes when unpacked.`)
        await makeRoom(chunk.length)
        yield chunk
      }
    }
    for await (const entry of readTar(counted())) {
      if (++entries > maxEntries) throw tooLarge(`The archive has more than ${maxEntries} files.`)
      await files.#add(entry, join(folder, `file-${entries}`))
    }
    return files
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined
  }

  /** Where a file lies now. Throws malformed when the archive lacks it. */
  path(name: string): string {
    return this.#need(name).path
  }

  bytes(name: string): number {
    return this.#need(name).bytes
  }

  /** A file's text, which is bounded. */
  async text(name: string): Promise<string> {
    const { path, bytes } = this.#need(name)
    if (bytes > maxJsonBytes) throw malformed(`Its file ${shown(name)} has ${bytes} bytes; at most ${maxJsonBytes} are allowed.`)
    return readFile(path, 'utf8')
  }

  async #add({ header, data }: TarEntry, path: string): Promise<void> {
    const { name, type, linkName, size } = header
    if (name.startsWith('/') || name.split('/').includes('..')) throw malformed(`It has an entry that points out of it: ${shown(name)}.`)
    const key = posix.normalize(name)
    if (type === 'directory' || (type === 'file' && !isPart(key))) return
    if (type === 'link') this.#links.set(key, posix.normalize(linkName))
    else if (type === 'symlink') this.#links.set(key, posix.join(posix.dirname(key), linkName))
    else if (type === 'file') {
      await pipeline(Readable.from(data(), { objectMode: false }), createWriteStream(path, { flags: 'wx', mode: 0o600 }))
      this.#files.set(key, { path, bytes: size })
    } else throw malformed(`It has an entry that is neither file nor folder: ${shown(name)}.`)
  }

  #find(name: string): { path: string; bytes: number } | undefined {
    let key = posix.normalize(name)
    for (let followed = 0; followed < maxLinks; followed += 1) {
      const file = this.#files.get(key)
      const target = this.#links.get(key)
      if (file || target === undefined) return file
      key = target
    }
    return undefined
  }

  #need(name: string): { path: string; bytes: number } {
    const file = this.#find(name)
    if (!file) throw malformed(`It lacks the file ${shown(name)}.`)
    return file
  }
}
