import { constants } from 'node:fs'
import { lstat, open } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { basename, dirname } from 'node:path'

const answersWithinMs = 5_000
/** Of an answer: thousands of servers have some hundred bytes each. */
export const longestAnswer = 16 << 20
/** Of an answer's rows, and characters of each: HAProxy's have some hundred, and one that was broken into must not make so many of them that the agent's memory is full. */
const [mostRows, longestRow] = [50_000, 16 << 10]
/** Of one command, with what it hands over: HAProxy takes no more than its buffer has room for. */
export const longestCommand = 14 << 10

/** HAProxy does not answer as it should. */
export class NoAnswer extends Error {}

/** A connection to one of HAProxy's sockets. What lies there was made by HAProxy itself, from inside its walls: nothing but a socket is connected to. */
export async function connectTo(path: string, timeoutMs = answersWithinMs): Promise<Socket> {
  const found = await lstat(path).catch(() => null)
  if (!found?.isSocket()) throw new NoAnswer('HAProxy has no socket for commands')
  // The kernel takes no address longer than 107 bytes, and a data folder may be deep: by its folder's descriptor it is short.
  const folder = await open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY).catch((cause: unknown) => { throw new NoAnswer('HAProxy has no socket for commands', { cause }) })
  const socket = connect(`/proc/self/fd/${folder.fd}/${basename(path)}`)
  try {
    await new Promise<void>((resolve, reject) => {
      socket.setTimeout(timeoutMs, () => reject(new NoAnswer('HAProxy does not take a connection for commands')))
      socket.once('connect', resolve).once('error', reject)
    })
  } catch (error) {
    socket.destroy()
    throw error instanceof NoAnswer ? error : new NoAnswer('HAProxy refuses a connection for commands', { cause: error })
  } finally {
    await folder.close()
  }
  return socket
}

/** What HAProxy answers to a command, or to some with a semicolon between. Throws {@link NoAnswer} where that takes too long or is too much. */
export async function command(path: string, text: string): Promise<string> {
  const socket = await connectTo(path)
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const fail = (cause: string) => {
      socket.destroy()
      reject(new NoAnswer(`HAProxy ${cause} a command`))
    }
    const timer = setTimeout(() => fail('does not answer'), answersWithinMs)
    socket.setTimeout(0)
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      if ((size += chunk.length) > longestAnswer) fail('answers without an end to')
    })
    socket.once('error', () => fail('breaks off its answer to'))
    socket.once('close', () => {
      clearTimeout(timer)
      resolve(Buffer.concat(chunks).toString('utf8'))
    })
    // The master ends a connection only after its other side did.
    socket.end(`${text}\n`)
  })
}

/** The rows of an answer that are not empty. Those that are longer than any of HAProxy's are none; of too many, the first. */
export function rowsOf(text: string): string[] {
  const rows: string[] = []
  for (let [from, seen] = [0, 0]; from < text.length && seen < mostRows; seen += 1) {
    const end = text.indexOf('\n', from)
    const to = end < 0 ? text.length : end
    const row = to - from > longestRow ? '' : text.slice(from, to)
    if (row.trim() !== '') rows.push(row)
    from = to + 1
  }
  return rows
}

/** A table of HAProxy's: after `# ` the names of its columns. Rows that are shorter have empty ones. There may be thousands, of which a few columns are read. */
export function tableOf(text: string, separator: ',' | ' '): { get: (column: string) => string | undefined }[] {
  const rows = rowsOf(text)
  const head = rows.findIndex((row) => row.startsWith('# '))
  if (head < 0) return []
  const columns = new Map((rows[head] ?? '').slice(2).trim().split(separator).map((name, at) => [name, at]))
  return rows.slice(head + 1).map((row) => {
    const fields = row.split(separator)
    return { get: (column) => {
      const at = columns.get(column)
      return at === undefined ? undefined : fields[at] ?? ''
    } }
  })
}
