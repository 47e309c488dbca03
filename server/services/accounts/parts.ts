import type { LimitTable } from '@/server/auth/rate-limits'
import type { ServerContext } from '../context'
import type { MailTransport } from '../mail/transport'

/** What the use cases of accounts, tokens and mail need of the process. The last two are the defaults where left out. */
export type AccountParts = Pick<ServerContext, 'db' | 'config' | 'keyRing' | 'log'> & { limits?: LimitTable; mailTransport?: MailTransport }

/** Where a request came from, for limits and the audit. */
export type Client = { address: string }
