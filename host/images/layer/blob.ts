import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { malformed } from '../image-error'
import { inGroup } from '../jail/group'
import { jailed, jailUid } from '../jail/jail'

const chunkBytes = 1 << 18

/** Checks a file against its descriptor. Throws {@link ImageError} malformed when length or sha256 differ. */
export async function verifyBlob(path: string, expected: { digest: string; size: number }, signal?: AbortSignal, giver = 'The registry'): Promise<void> {
  const { size } = await stat(path)
  if (size !== expected.size) throw malformed(`${giver} gave ${size} bytes for ${expected.digest}; the manifest says ${expected.size}.`)
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes, signal })) hash.update(chunk)
  const found = `sha256:${hash.digest('hex')}`
  if (found !== expected.digest) throw malformed(`${giver} gave other bytes than the manifest promises: ${found} instead of ${expected.digest}.`)
}

async function beginning(path: string): Promise<Buffer> {
  const file = await open(path)
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(8), 0, 8, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/** `onRead` hears of each amount of compressed bytes that was read. */
export type ReadOptions = { signal?: AbortSignal; onRead?: (bytes: number) => void }

/**
 * The tar bytes of a layer: gzip, zstd or plain, told by the first bytes, not by the media type (which builders get
 * wrong). Throws {@link ImageError} malformed for other or damaged compression.
 */
export async function* openLayer(path: string, { signal, onRead }: ReadOptions = {}): AsyncGenerator<Buffer, void, undefined> {
  const magic = await beginning(path)
  const packed = createReadStream(path, { highWaterMark: chunkBytes, signal })
  if (onRead) packed.on('data', (chunk) => onRead(chunk.length)).pause()
  if (magic[0] === 0x1f && magic[1] === 0x8b) yield* gunzip(packed)
  else if (magic.length >= 4 && magic.readUInt32LE(0) === 0xfd2fb528) yield* unzstd(packed, signal)
  else if (magic.toString('latin1').startsWith('\xfd7zXZ\0') || magic.toString('latin1').startsWith('BZh')) {
    packed.destroy()
    throw malformed('A layer is compressed with xz or bzip2; images may use gzip, zstd or none.')
  } else yield* packed
}

async function* gunzip(packed: Readable): AsyncGenerator<Buffer, void, undefined> {
  const plain = createGunzip({ chunkSize: chunkBytes })
  pipeline(packed, plain, () => {})
  try {
    yield* plain
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')) throw malformed(`A layer's gzip data is damaged: ${error.message}.`)
    throw error
  }
}

const zstdLimits = { memoryBytes: 2 ** 29, addressSpace: 2 ** 30, fileBytes: 0, openFiles: 16, processes: 16, cpuSeconds: 3600 }

/** Node 20 has no zstd. The command reads a stranger's bytes: its memory is bounded (zstd -22 needs 128 MiB), and its jail has no file at all. */
async function* unzstd(packed: Readable, signal?: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
  const { command, args, leave } = await inGroup(zstdLimits, jailed({ uid: jailUid(), limits: zstdLimits }, ['zstd', '--decompress', '--stdout', '--quiet', '--memory=256MiB']))
  const child = spawn(command, args, { stdio: 'pipe', env: { PATH: process.env.PATH, NODE_ENV: process.env.NODE_ENV, LANG: 'C.UTF-8' }, signal, killSignal: 'SIGKILL' })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.once('close', resolve)
  })
  ended.catch(() => {})
  let stderr = ''
  child.stderr.on('data', (text: Buffer) => (stderr = (stderr + text.toString()).slice(-500)))
  pipeline(packed, child.stdin, () => {})
  try {
    yield* child.stdout
    if ((await ended) !== 0) throw malformed(`A layer's zstd data is damaged: ${stderr.trim().replace(/^.*: /s, '')}`)
  } finally {
    child.kill('SIGKILL')
    packed.destroy()
    await ended.catch(() => {})
    await leave()
  }
}
