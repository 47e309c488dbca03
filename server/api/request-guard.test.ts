import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { refusePageBody, refuseRequest } from './request-guard'
import { pagePolicy, secureResponse } from './security-headers'

const publicUrl = 'https://console.example'
let consoleUrl = publicUrl
let http: Server
let port = 0
let host = 'console.example'

beforeAll(async () => {
  http = createServer((request, response) => {
    secureResponse(request, response, { publicUrl, dev: false })
    if (refuseRequest(request, response, consoleUrl)) return
    if (!request.url?.startsWith('/api/') && refusePageBody(request, response)) return
    response.writeHead(200, { connection: 'close' }).end(request.headers['content-security-policy'])
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  port = (http.address() as AddressInfo).port
})
afterAll(() => {
  http.close()
  http.closeAllConnections()
})

/** Sends these lines as they are; the whole answer. */
async function send(line: string, ...headers: string[]): Promise<{ status: number; text: string }> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString())).on('error', () => {}).write([`${line} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...headers, '', ''].join('\r\n'))
  await once(socket, 'close')
  return { status: Number(text.split(' ')[1]), text }
}

describe('a request that makes no sense', () => {
  it.each(['//', '//evil.example/api/images/x', '/\\evil.example', 'http://[', 'http://evil.example/', '*', '/%', '/t/%ff/pods', '/a%'])('is refused at %s', async (url) => expect((await send(`GET ${url}`)).status).toBe(400))
  it.each(['/', '/t/acme/pods?q=%&a=b', '/t/%3Cb%3E', '/api/trpc/pod.list,pod.get?batch=1'])('is not %s', async (url) => expect((await send(`GET ${url}`)).status).toBe(200))
  it.each(['DELETE', 'PATCH', 'TRACE', 'PROPFIND', 'CONNECT'])('is refused with %s', async (method) => expect((await send(`${method} /`)).status || 405).toBe(405))
  it('may bring a page no more than a form', async () => {
    expect((await send('POST /sign-in', 'Content-Length: 65537')).status).toBe(413)
    expect((await send('POST /sign-in', 'Transfer-Encoding: chunked')).status).toBe(411)
    expect((await send('PUT /sign-in', 'Content-Length: 1')).status).toBe(405)
    expect((await send('POST /sign-in', 'Content-Length: 0')).status).toBe(200)
  })
})

describe('another site', () => {
  const foreign = ['Origin: https://evil.example', 'Origin: null', 'Origin: http://console.example', 'Origin: https://console.example:8443', 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Site: same-site']
  it.each(foreign)('changes nothing (%s)', async (header) => {
    for (const path of ['/api/trpc/pod.create', '/api/auth/signout', '/sign-in']) expect((await send(`POST ${path}`, header, 'Cookie: a=b', 'Content-Length: 0')).status).toBe(403)
    expect((await send('PUT /api/images/acme', header, 'Content-Length: 0')).status).toBe(403)
  })
  it('may link to a page', async () => expect((await send('GET /t/acme/pods', 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate')).status).toBe(200))
  it.each([['our own page', 'Origin: https://console.example'], ['a script with a token', 'Authorization: Bearer x'], ['a script', 'User-Agent: curl']])('is not %s', async (_, header) => expect((await send('POST /api/trpc/pod.create', header, 'Content-Length: 0')).status).toBe(200))
})

describe('a page that is asked for by another name of the machine', () => {
  const open = async (asked: string, line = 'GET /t/acme/pods?q=a', ...headers: string[]) => {
    [consoleUrl, host] = ['http://127.0.0.1:3000', asked]
    const { status, text } = await send(line, ...(headers.length ? headers : ['Sec-Fetch-Dest: document']))
    ;[consoleUrl, host] = [publicUrl, 'console.example']
    return status === 307 ? /location: (.*)\r/i.exec(text)?.[1] : status
  }
  it('is opened where the console is', async () => expect(await open('localhost:3000')).toBe('http://127.0.0.1:3000/t/acme/pods?q=a'))
  it('is served through a tunnel, from a name that may be somebody else’s, and to what is no browser', async () => {
    expect([await open('localhost:8080'), await open('console.evil.example:3000'), await open('127.0.0.1:3000'), await open('localhost:3000', 'GET /api/x', 'Accept: */*')]).toEqual([200, 200, 200, 200])
  })
})

describe('what every answer says', () => {
  it('over HTTPS', async () => {
    const { text } = await send('GET /', "Content-Security-Policy: script-src 'nonce-chosen'")
    expect(text).toContain('strict-transport-security: max-age=31536000\r\n')
    expect(text).toContain('connect-src \'self\' wss://console.example;')
    expect(text).not.toContain('chosen')
    // Next reads the nonce from the request: it must be the one that the browser is told.
    expect(text.split('\r\n\r\n')[1]).toContain(/content-security-policy: (.*)\r\n/.exec(text)?.[1] ?? 'none')
  })
  it('of what is no page: nothing loads, runs or is framed', async () => {
    for (const path of ['/api/trpc/x', '/_next/static/a.svg', '/metrics']) expect((await send(`GET ${path}`)).text).toContain("content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n")
  })
  it('keeps caches away from everything but built files', async () => {
    expect((await send('GET /t/acme/pods')).text).toContain('cache-control: no-store')
    expect((await send('GET /_next/static/a.js')).text).not.toContain('no-store')
  })
  it('lets code be evaluated in development alone', () => {
    expect(pagePolicy('n', { publicUrl, dev: true })).toContain("'unsafe-eval'")
    expect(pagePolicy('n', { publicUrl, dev: false })).not.toMatch(/unsafe-eval|(style|script)-src(-elem)? [^;]*unsafe-inline/)
  })
})
