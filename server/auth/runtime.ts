import type { Config } from '@/platform/config'
import type { Logger } from '@/platform/logger'
import type { DatabaseClient } from '@/server/store/database'
import type { LimitTable } from './rate-limits'

/** What authentication needs of its process. */
export type AuthRuntime = {
  db: DatabaseClient
  config: Pick<Config, 'publicUrl'>
  log: Logger
  /** Encrypts the session cookies: NEXTAUTH_SECRET. The same in every web process. */
  sessionSecret: string
  limits?: LimitTable
}

declare global {
  // Next's bundle and the server's own code are two module graphs in one process; this object is what they share.
  // A `var` is the only way to declare a global.
  var hypernetesAuthRuntime: AuthRuntime | undefined
}

/** Called once by the web process before it listens. NextAuth reads its own address from the environment alone. */
export function setAuthRuntime(runtime: AuthRuntime): void {
  globalThis.hypernetesAuthRuntime = runtime
  process.env.NEXTAUTH_URL = runtime.config.publicUrl
  process.env.NEXTAUTH_SECRET = runtime.sessionSecret
}

export function authRuntime(): AuthRuntime {
  if (!globalThis.hypernetesAuthRuntime) throw new Error('setAuthRuntime was not called by this process')
  return globalThis.hypernetesAuthRuntime
}
