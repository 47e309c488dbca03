import type { Readable } from 'node:stream'
import { z } from 'zod'

const LEVELS: Record<number, string> = { 10: 'trace', 20: 'debug', 30: '', 40: 'WARN', 50: 'ERROR', 60: 'FATAL' }
const FRAME = new Set(['level', 'time', 'msg', 'name', 'pid', 'hostname', 'v'])
const pinoLine = z.looseObject({ level: z.number(), msg: z.string().optional() })

const width = 'postgres'.length

/** One line of the supervisor's own output: the process it is about, then the text. */
export const prefixed = (name: string, text: string) => `${name.padEnd(width)} | ${text}`

/**
 * A process's line as people read it. Our processes write JSON lines (platform/logger.ts): the message comes first,
 * then the fields. Any other line stays as it is.
 */
export function readable(line: string): string {
  if (!line.startsWith('{')) return line
  const parsed = pinoLine.safeParse(parseJson(line))
  if (!parsed.success) return line
  const level = LEVELS[parsed.data.level] ?? ''
  const fields = Object.entries(parsed.data).filter(([key]) => !FRAME.has(key))
  const shown = fields.map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  return [level, parsed.data.msg ?? '', ...shown].filter(Boolean).join(' ')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Calls `onLine` for each line of the stream, the last one included when it has no end. */
export function eachLine(stream: Readable, onLine: (line: string) => void): void {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
  })
  stream.once('end', () => {
    if (rest) onLine(rest)
  })
}
