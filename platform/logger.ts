import { pino, type Logger } from 'pino'

export type { Logger } from 'pino'

/**
 * A JSON line logger named after its room. Fields that hold credentials are removed here as a second wall;
 * the first is that they are {@link Secret} values.
 */
export function logger(name: string): Logger {
  return pino({
    name,
    level: process.env.HYPERNETES_LOG_LEVEL ?? 'info',
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: ['password', 'token', 'secret', 'authorization', 'cookie', '*.password', '*.token', '*.secret', '*.authorization', '*.cookie'], censor: '[secret]' },
  })
}
