import { open, type FileHandle } from 'node:fs/promises'
import { codeOf } from '@/platform/error-code'
import { compareLogFiles, listLogFiles, logFilePath, type LogFile } from './log-files'
import { decodeRecord, type LogRecord } from './record'

const blockBytes = 64 * 1024

/** Where a reader is: after so many bytes of a file. */
export type LogCursor = { file: LogFile; offset: number }

/**
 * Where to begin with the newest instance of a log (`previous`: the one before it): at its first record, or at its last
 * `tailLines` lines, which are found from the end. Null where there is no such instance.
 */
export async function findStart(folder: string, query: { previous: boolean; tailLines: number | null }): Promise<LogCursor | null> {
  const files = await listLogFiles(folder)
  const newest = files.at(-1)?.instance
  if (newest === undefined) return null
  const own = files.filter((file) => file.instance === (query.previous ? newest - 1 : newest))
  const first = own[0]
  if (!first) return null
  return (query.tailLines === null ? null : await findTail(folder, own, query.tailLines)) ?? { file: first, offset: 0 }
}

/**
 * All records from the cursor on that are there now, oldest first, across files; `sameInstance` ends with the cursor's
 * instance. Moves the cursor. Files that were rotated away meanwhile are skipped. Holds a block and a line in memory.
 */
export async function* readRecords(folder: string, cursor: LogCursor, sameInstance: boolean): AsyncGenerator<LogRecord> {
  const files = (await listLogFiles(folder)).filter((file) => compareLogFiles(file, cursor.file) >= 0)
  for (const file of files) {
    if (sameInstance && file.instance !== cursor.file.instance) return
    const handle = await openIfThere(folder, file)
    if (!handle) continue
    try {
      if (compareLogFiles(file, cursor.file) > 0) Object.assign(cursor, { file, offset: 0 })
      for await (const { line, end } of readLines(handle, cursor.offset)) {
        cursor.offset = end
        const record = decodeRecord(line)
        if (record) yield record
      }
    } finally {
      await handle.close()
    }
  }
}

const tailLineBytes = 4096

/** The last lines of the newest instance as text, each at most {@link tailLineBytes} long. Holds those lines in memory alone. */
export async function tailOf(folder: string, lines: number): Promise<string[]> {
  const cursor = await findStart(folder, { previous: false, tailLines: lines })
  const found: string[] = []
  const open = { stdout: '', stderr: '' }
  for await (const { stream, whole, text } of cursor ? readRecords(folder, cursor, true) : []) {
    if (open[stream].length < tailLineBytes) open[stream] += text.subarray(0, tailLineBytes).toString('utf8')
    if (!whole) continue
    found.push(open[stream].slice(0, tailLineBytes))
    open[stream] = ''
    if (found.length > lines) found.shift()
  }
  for (const rest of [open.stdout, open.stderr]) if (rest !== '') found.push(rest.slice(0, tailLineBytes))
  return found.slice(-lines)
}

async function openIfThere(folder: string, file: LogFile): Promise<FileHandle | null> {
  return open(logFilePath(folder, file), 'r').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  })
}

async function* readLines(file: FileHandle, from: number): AsyncGenerator<{ line: Buffer; end: number }> {
  let rest: Buffer = Buffer.alloc(0)
  let begin = from
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(blockBytes), 0, blockBytes, begin + rest.length)
    if (bytesRead === 0) return
    rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)])
    for (let at = rest.indexOf(0x0a); at >= 0; at = rest.indexOf(0x0a)) {
      begin += at + 1
      yield { line: rest.subarray(0, at), end: begin }
      rest = rest.subarray(at + 1)
    }
  }
}

/** Where the last `lines` lines begin; null when there are fewer. The parts of a long line count as the whole that ends it. */
async function findTail(folder: string, files: LogFile[], lines: number): Promise<LogCursor | null> {
  let left = lines
  for (const file of files.toReversed()) {
    const handle = await openIfThere(folder, file)
    if (!handle) return null
    try {
      const { size } = await handle.stat()
      if (lines === 0) return { file, offset: size }
      for await (const { end, record } of readBackwards(handle, size)) {
        if (!record?.whole) continue
        if (left === 0) return { file, offset: end }
        left -= 1
      }
    } finally {
      await handle.close()
    }
  }
  return null
}

/** The lines of a file from the last to the first; `end` is the offset after the line. */
async function* readBackwards(file: FileHandle, size: number): AsyncGenerator<{ end: number; record: LogRecord | null }> {
  let begin = size
  let data: Buffer = Buffer.alloc(0)
  while (begin > 0) {
    const length = Math.min(blockBytes, begin)
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, begin - length)
    begin -= length
    data = Buffer.concat([buffer, data])
    while (data.length > 0) {
      const at = data.length < 2 ? -1 : data.lastIndexOf(0x0a, data.length - 2)
      if (at < 0 && begin > 0) break
      yield { end: begin + data.length, record: decodeRecord(data.subarray(at + 1, data.length - 1)) }
      data = data.subarray(0, at + 1)
    }
  }
}
