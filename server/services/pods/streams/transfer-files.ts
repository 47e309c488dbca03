import type { z } from 'zod'
import { streamChannel } from '@/contracts/host/v1/streams'
import { DomainError } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import type { ServerContext } from '../../context'
import type { HostStream } from '../../host-streams'
import { streamAudit } from './audit-stream'
import { containerPath, containerReference, locate } from './locate-pod'
import { copyAsked } from './open-copy'
import { messagesOf, parseResult } from './stream-messages'
import { Bytes, endOfArchive, fileHeader, firstFile, paddingOf, type TarFile } from './tar-file'

export const transferInput = containerReference.extend({ path: containerPath })
type Input = z.output<typeof transferInput>

/** What one upload may bring. Bytes. */
export const maxUploadBytes = 10 * 1024 ** 3
/** A message to a host carries so much. Bytes. */
const pieceBytes = 64 << 10

type Download = { bytes: AsyncIterable<Buffer>; destroy(): void }

/**
 * A file or folder of a container as a tar stream. Resolves once the first bytes are there, so that what cannot be read
 * is an error and no broken download; what fails later throws while `bytes` is read.
 */
export async function downloadFiles(ctx: ServerContext, scope: Scope, input: Input): Promise<Download> {
  const { stream, end } = await begin(ctx, scope, input, 'out')
  const bytes = { toPod: 0, fromPod: 0 }
  const source = outputOf(stream, bytes)
  const destroy = () => void stream.destroy()
  stream.once('close', () => void end(bytes))
  const first = await source.next().catch((error: unknown) => {
    destroy()
    throw error
  })
  async function* all(): AsyncGenerator<Buffer> {
    try {
      if (!first.done) yield first.value
      yield* source
    } finally {
      destroy()
    }
  }
  return { bytes: all(), destroy }
}

/** One regular file as it is. Throws `failed_precondition` where the path names something else. */
export async function downloadFile(ctx: ServerContext, scope: Scope, input: Input): Promise<Download & { file: TarFile }> {
  const { bytes: archive, destroy } = await downloadFiles(ctx, scope, input)
  const reader = new Bytes(archive[Symbol.asyncIterator]())
  try {
    const file = await firstFile(reader)
    if (!file) throw new DomainError('failed_precondition', `"${input.path}" is not a file: download it as a tar archive.`)
    return { file, bytes: reader.pieces(file.size), destroy }
  } catch (error) {
    destroy()
    throw error instanceof DomainError ? error : new DomainError('unavailable', 'The host sent something else than a file: try again.', { cause: error })
  }
}

/** The bytes of a tar stream, at most a piece each; a result with an error becomes an error. */
async function* outputOf(stream: HostStream, count: { fromPod: number }): AsyncGenerator<Buffer> {
  for await (const message of messagesOf(stream)) {
    if (message[0] === streamChannel.output) {
      count.fromPod += message.length - 1
      yield message.subarray(1)
    } else if (message[0] === streamChannel.result) {
      const { error } = parseResult(message)
      if (error !== null) throw new DomainError('failed_precondition', error)
      return
    }
  }
  throw new DomainError('unavailable', 'The host closed the connection before the files were complete: try again.')
}

/**
 * Unpacks a tar stream below the folder `path`. A source that throws, or brings more than {@link maxUploadBytes}, has the
 * unpacking ended; what was unpacked by then stays.
 */
export async function uploadFiles(ctx: ServerContext, scope: Scope, input: Input, source: AsyncIterable<Buffer>): Promise<{ bytes: number }> {
  const { stream, end } = await begin(ctx, scope, input, 'in')
  const bytes = { toPod: 0, fromPod: 0 }
  stream.once('close', () => void end(bytes))
  const result = resultOf(stream)
  // The writer may fail first.
  result.catch(() => {})
  try {
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length; at += pieceBytes) {
        const piece = chunk.subarray(at, at + pieceBytes)
        bytes.toPod += piece.length
        if (bytes.toPod > maxUploadBytes + pieceBytes) throw new DomainError('invalid_input', 'An upload may bring 10 GiB: send it in parts.')
        if (!stream.write(Buffer.concat([Buffer.of(streamChannel.input), piece]))) await drained(stream)
        // A result ends the stream; what it says comes before what is left to send.
        if (stream.destroyed) {
          await result
          break
        }
      }
    }
    stream.write(Buffer.of(streamChannel.input))
    await result
    return { bytes: bytes.toPod }
  } finally {
    stream.destroy()
  }
}

/** One file of a known size into the folder `path`. */
export function uploadFile(ctx: ServerContext, scope: Scope, input: Input, file: TarFile, source: AsyncIterable<Buffer>): Promise<{ bytes: number }> {
  async function* archive(): AsyncGenerator<Buffer> {
    yield fileHeader(file.name, file.size, Date.now())
    let sent = 0
    for await (const chunk of source) {
      sent += chunk.length
      yield chunk
    }
    if (sent !== file.size) throw new DomainError('invalid_input', `The upload ended after ${sent} of ${file.size} bytes: send it again.`)
    yield Buffer.alloc(paddingOf(file.size))
    yield endOfArchive
  }
  return uploadFiles(ctx, scope, input, archive())
}

async function begin(ctx: ServerContext, scope: Scope, { path, ...input }: Input, direction: 'out' | 'in') {
  const { hostId, podUid, container } = await locate(ctx, scope, input, 'copyFiles')
  const audit = streamAudit(ctx, scope, input, 'pod.copy', copyAsked(direction, path, container))
  const stream = await ctx.streams.open(hostId, { kind: 'copy', podUid, container, direction, path }, { owner: scope.tenantId })
  await audit.onBegin().catch((error: unknown) => {
    stream.destroy()
    throw error
  })
  return { stream, end: audit.onEnd }
}

async function resultOf(stream: HostStream): Promise<void> {
  for await (const message of messagesOf(stream)) {
    if (message[0] !== streamChannel.result) continue
    const { error } = parseResult(message)
    if (error !== null) throw new DomainError('failed_precondition', error)
    return
  }
  throw new DomainError('unavailable', 'The host closed the connection before all was written: try again.')
}

/** Until the stream takes more, or is gone. */
function drained(stream: HostStream): Promise<void> {
  if (stream.destroyed) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done)
      stream.off('close', done)
      resolve()
    }
    stream.once('drain', done)
    stream.once('close', done)
  })
}
