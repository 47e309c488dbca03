import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'

/**
 * What is done with a request: passed on, its answer changed, never answered, answered without end, or with a status;
 * sent elsewhere (an address without a path keeps the request's own), asked for a token of another place, or given
 * a manifest of Docker's that no registry takes.
 */
export type Behaviour = 'pass' | 'tamper' | 'stall' | 'endless' | number | { redirect: string } | { realm: string } | { manifest: string }

/** A server that nobody may reach: it counts connections, on every address of this host, and answers each like a web server. */
export async function canary(): Promise<{ port: number; connections: () => number; close: () => void }> {
  let connections = 0
  const server = createServer((_, outgoing) => void outgoing.end('{"token":"canary"}'))
  server.on('connection', () => (connections += 1))
  await new Promise<void>((resolve) => server.listen(0, '::', resolve))
  const address = server.address()
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { port: typeof address === 'object' && address ? address.port : 0, connections: () => connections, close }
}

/** A registry that breaks its word; what it does not change comes from the one at `target`. */
export async function between(target: string, behave: (path: string, headers: IncomingHttpHeaders) => Behaviour): Promise<{ host: string; close: () => void }> {
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const path = incoming.url ?? ''
    const behaviour = behave(path, incoming.headers)
    if (behaviour === 'stall') return
    if (typeof behaviour === 'object' && 'redirect' in behaviour) return void outgoing.writeHead(307, { location: new URL(behaviour.redirect).pathname === '/' ? `${behaviour.redirect}${path}` : behaviour.redirect }).end()
    if (typeof behaviour === 'object' && 'manifest' in behaviour) return void outgoing.writeHead(200, { 'content-type': 'application/vnd.docker.distribution.manifest.v2+json' }).end(behaviour.manifest)
    if (typeof behaviour === 'object') return void outgoing.writeHead(401, { 'www-authenticate': `Bearer realm="${behaviour.realm}",service="any"` }).end()
    if (typeof behaviour === 'number') return void outgoing.writeHead(behaviour).end('no')
    const headers = Object.fromEntries(['accept', 'authorization'].flatMap((name) => (incoming.headers[name] === undefined ? [] : [[name, String(incoming.headers[name])]])))
    const real = await fetch(`http://${target}${path}`, { method: incoming.method, headers })
    const body = Buffer.from(await real.arrayBuffer())
    for (const [name, value] of real.headers) if (behaviour === 'pass' || name === 'content-type') outgoing.setHeader(name, value)
    outgoing.writeHead(real.status)
    if (behaviour === 'tamper') body[body.length - 3] = (body[body.length - 3] ?? 0) ^ 1
    if (behaviour !== 'endless') return void outgoing.end(body)
    const more = () => {
      while (!outgoing.destroyed && outgoing.write(Buffer.alloc(1 << 16)));
    }
    outgoing.on('drain', more)
    more()
  }
  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing).catch(() => outgoing.destroy()))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { host: `127.0.0.1:${port}`, close }
}
