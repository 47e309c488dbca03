import type { ServerContext } from '@/server/services/context'
import type { ApiContext } from './trpc'
import type { AppRouter } from './root'
import type { createCallerFactory } from './trpc'

export type Caller = ReturnType<ReturnType<typeof createCallerFactory<AppRouter['_def']['record']>>>

/** What a process gives to requests: the parts of use cases, and who asks. */
export type ApiRuntime = {
  server: ServerContext
  /** The context of one request from the headers that authenticate it. */
  contextOf(request: { cookie: string | undefined; authorization: string | undefined; address: string; userAgent: string }): Promise<ApiContext>
  /** Calls procedures as this person, for pages that render on the server. */
  callerOf(headers: { cookie: string | undefined; userAgent: string }): Promise<Caller>
}

declare global {
  // Next's bundle and the server's own code are two module graphs in one process; this object is what they share.
  var hypernetesApiRuntime: ApiRuntime | undefined
}

export function setApiRuntime(runtime: ApiRuntime): void {
  globalThis.hypernetesApiRuntime = runtime
}

export function apiRuntime(): ApiRuntime {
  if (!globalThis.hypernetesApiRuntime) throw new Error('setApiRuntime was not called by this process')
  return globalThis.hypernetesApiRuntime
}
