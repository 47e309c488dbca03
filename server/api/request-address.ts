import type { IncomingMessage } from 'node:http'

/** Path and query of a request's address as they were sent: a parser of whole addresses throws on some, and reads a host into others. */
export function addressOf({ url = '/' }: Pick<IncomingMessage, 'url'>): { path: string; query: URLSearchParams } {
  const [path = '/', ...query] = url.split('?')
  return { path, query: new URLSearchParams(query.join('?')) }
}
