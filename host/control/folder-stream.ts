import { streamChannel, type StreamRequest } from '@/contracts/host/v1/streams'
import type { FolderEntry } from '@/domain/pod/folder-entry'
import { unlessAbandoned } from './abandoned'
import { refusal } from './stream-failure'
import { StreamSocket } from './stream-socket'

export type FolderRequest = Extract<StreamRequest, { kind: 'listFolder' }>
/** Reads a folder of a container page by page, and returns whether there is more; throws with a message for the tenant. */
export type ListFolder = (podUid: string, container: string | null, path: string, limit: number) => AsyncGenerator<FolderEntry[], boolean>

const maxEntries = 10_000
/** Names and targets are the tenant's and may be long: beyond this a listing ends with "more". */
const maxBytes = 4 << 20
const entriesOfFrame = 100

/** Serves what is in a folder, a line of JSON each. */
export async function serveFolder(url: string, request: FolderRequest, list: ListFolder): Promise<void> {
  const socket = await StreamSocket.dial(url, () => {})
  try {
    const pages = list(request.podUid, request.container, request.path, maxEntries)
    const more = await unlessAbandoned(sendPages(pages, socket), socket, 0)
    if (more !== null) await socket.finish({ exitCode: more ? 1 : 0, error: null })
  } catch (error) {
    await socket.finish(refusal(`The folder "${request.path}" cannot be listed`, error, 'Check the path.'))
  }
}

/** Sends each page before the next one is asked for. Returns whether there is more than was sent. */
async function sendPages(pages: ReturnType<ListFolder>, socket: StreamSocket): Promise<boolean> {
  let left = maxBytes
  while (socket.isOpen) {
    const page = await pages.next()
    if (page.done) return page.value
    for (let at = 0; at < page.value.length; at += entriesOfFrame) {
      if (left <= 0) return true
      const lines = page.value.slice(at, at + entriesOfFrame).map((entry) => `${JSON.stringify(entry)}\n`)
      const bytes = Buffer.from(lines.join(''))
      left -= bytes.length
      await socket.send(streamChannel.output, bytes)
    }
  }
  return true
}
