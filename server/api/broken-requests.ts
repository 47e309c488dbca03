import { randomUUID } from 'node:crypto'
import { STATUS_CODES, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

type Broken = { status: number; message: string }

/** By Node's and its parser's codes (llhttp): what a request is refused for before any of our own code has a say, with the statuses that Node gives. */
const known: Readonly<Record<string, Broken>> = {
  HPE_INVALID_EOF_STATE: { status: 400, message: 'The request ended before all of its body had come, and nothing of it was kept. Send it again, and close the connection only once the answer is there.' },
  HPE_HEADER_OVERFLOW: { status: 431, message: 'The headers of the request are too large. Send fewer of them, or sign in anew, which makes the cookies smaller.' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, message: 'The chunks of the request\'s body say too much beside their bytes. Send it without chunk extensions.' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: 'The request did not come in time. Send it again over a faster line.' },
}
const other: Broken = { status: 400, message: 'The request is no HTTP that can be read. Look at what sends it, and at proxies between it and this server.' }

/** Gives requests that are cut off or broken an answer with cause and next action, where Node writes a bare status line. Not where an answer has begun: it would come into the midst of that. */
export function answerBrokenRequests(http: Server, told: (error: Error, requestId: string) => void): void {
  const latest = new WeakMap<Duplex, ServerResponse>()
  http.prependListener('request', (request, response) => void latest.set(request.socket, response))
  http.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const response = latest.get(socket)
    const hasBegun = response?.headersSent === true && !response.writableFinished
    if (!socket.writable || error.code === 'ECONNRESET' || hasBegun) return void socket.destroy()
    const requestId = randomUUID()
    told(error, requestId)
    socket.end(answerOf(known[error.code ?? ''] ?? other, requestId))
    socket.once('finish', () => socket.destroy())
  })
}

/** The body has the shape of the procedures' errors. */
function answerOf({ status, message }: Broken, requestId: string): string {
  const body = JSON.stringify({ error: { code: 'invalid_input', message, problems: [], requestId } })
  const headers = ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`, 'Cache-Control: no-store', 'X-Content-Type-Options: nosniff', `X-Request-Id: ${requestId}`, 'Connection: close']
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${headers.join('\r\n')}\r\n\r\n${body}`
}
