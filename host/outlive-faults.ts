import type { EventEmitter } from 'node:events'
import type { Logger } from '@/platform/logger'

/**
 * A promise that nobody looks after may fail by a fault of ours. Node would end the agent, and the pods of all tenants of
 * this host would be without it: it is logged as an error, and the agent goes on.
 */
export function outliveFaults(process: EventEmitter, log: Pick<Logger, 'error'>): void {
  process.on('unhandledRejection', (error: unknown) => log.error({ err: error }, 'a fault in the host agent: something failed that nobody looked after; the agent goes on. Please report it'))
}
