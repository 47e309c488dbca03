import 'server-only'
import { cookies, headers } from 'next/headers'
import { cache } from 'react'
import type { Caller } from './runtime'

/**
 * Calls procedures from a page that renders on the server, as the person whose cookies came with the request. It holds
 * no server code: the process's own module graph gives the caller through globalThis. Errors are TRPCErrors of that
 * graph: tell them by `code`, not by instanceof.
 */
export const serverCaller = cache(async (): Promise<Caller> => {
  const runtime = globalThis.hypernetesApiRuntime
  if (!runtime) throw new Error('the web process has not finished its start')
  const [jar, head] = await Promise.all([cookies(), headers()])
  return runtime.callerOf({ cookie: jar.toString(), userAgent: head.get('user-agent') ?? '' })
})
