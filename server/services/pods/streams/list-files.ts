import { z } from 'zod'
import { streamChannel } from '@/contracts/host/v1/streams'
import { folderEntry, type FolderEntry } from '@/domain/pod/folder-entry'
import { DomainError } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import type { ServerContext } from '../../context'
import { LineSplitter } from '../line-splitter'
import { streamAudit } from './audit-stream'
import { containerPath, containerReference, locate } from './locate-pod'
import { messagesOf, parseResult } from './stream-messages'

export const listFilesInput = containerReference.extend({ path: containerPath.default('/') })
/** `truncated`: the folder has more than the 10,000 entries that are told. */
export const listFilesOutput = z.object({ container: z.string(), entries: z.array(folderEntry), truncated: z.boolean() })

/** What a host may send for a list: more is a fault of it. Characters. */
const maxListing = 16 << 20

/** What is in a folder of a container, folders first, then by name. No program of the image is needed. */
export async function listFiles(ctx: ServerContext, scope: Scope, { path, ...input }: z.output<typeof listFilesInput>): Promise<z.output<typeof listFilesOutput>> {
  const { hostId, podUid, container } = await locate(ctx, scope, input, 'copyFiles')
  const audit = streamAudit(ctx, scope, input, 'pod.listFiles', `${path} of container ${container}`)
  const stream = await ctx.streams.open(hostId, { kind: 'listFolder', podUid, container, path }, { owner: scope.tenantId })
  const entries: FolderEntry[] = []
  const splitter = new LineSplitter()
  let received = 0
  let hasBegun = false
  try {
    await audit.onBegin()
    hasBegun = true
    for await (const message of messagesOf(stream)) {
      if (message[0] === streamChannel.result) {
        const { error, exitCode } = parseResult(message)
        if (error !== null) throw new DomainError('failed_precondition', error)
        return { container, entries: entries.sort(byKindAndName), truncated: exitCode !== 0 }
      }
      received += message.length
      if (received > maxListing) throw new DomainError('unavailable', 'The host sent more than a list of files can be.')
      for (const line of splitter.lines(message.subarray(1))) entries.push(parseEntry(line))
    }
  } finally {
    stream.destroy()
    if (hasBegun) await audit.onEnd({ toPod: 0, fromPod: received })
  }
  throw new DomainError('unavailable', 'The host closed the connection before the list was complete: try again.')
}

const rank = (entry: { type: string }): number => (entry.type === 'folder' ? 0 : 1)
const byKindAndName = (a: { type: string; name: string }, b: { type: string; name: string }): number => rank(a) - rank(b) || (a.name < b.name ? -1 : 1)

function parseEntry(line: string): FolderEntry {
  try {
    return folderEntry.parse(JSON.parse(line))
  } catch (cause) {
    throw new DomainError('unavailable', 'The host sent a list of files that cannot be read.', { cause })
  }
}
