import { streamChannel, type StreamRequest } from '@/contracts/host/v1'
import type { FolderEntry } from '@/domain/pod/folder-entry'
import { refusal } from './stream-failure'
import { StreamSocket } from './stream-socket'

export type FolderRequest = Extract<StreamRequest, { kind: 'listFolder' }>
/** Reads a folder of a container; throws with a message for the tenant. */
export type ListFolder = (podUid: string, container: string | null, path: string, limit: number) => Promise<{ entries: FolderEntry[]; more: boolean }>

const maxEntries = 10_000
const entriesOfFrame = 100

/** Serves what is in a folder, a line of JSON each. */
export async function serveFolder(url: string, request: FolderRequest, list: ListFolder): Promise<void> {
  const socket = await StreamSocket.dial(url, () => {})
  try {
    const { entries, more } = await list(request.podUid, request.container, request.path, maxEntries)
    for (let at = 0; at < entries.length; at += entriesOfFrame) {
      const lines = entries.slice(at, at + entriesOfFrame).map((entry) => `${JSON.stringify(entry)}\n`)
      await socket.send(streamChannel.output, Buffer.from(lines.join('')))
    }
    await socket.finish({ exitCode: more ? 1 : 0, error: null })
  } catch (error) {
    await socket.finish(refusal(`The folder "${request.path}" cannot be listed`, error, 'Check the path.'))
  }
}
