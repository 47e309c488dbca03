import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { answerBrokenRequests } from './broken-requests'

const answered = z.object({ error: z.object({ message: z.string(), requestId: z.string() }) })
const told: string[] = []
const http = createServer((request, response) => {
  request.on('error', () => {}).resume()
  if (request.url === '/begun') response.write('begun')
  if (request.url === '/done') response.end('done')
})
answerBrokenRequests(http, (_, requestId) => void told.push(requestId))
beforeAll(async () => {
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
})
afterAll(() => {
  http.close()
  http.closeAllConnections()
})

/** What comes back for these bytes, after which the sender ends its side. */
async function send(...parts: string[]): Promise<string> {
  const socket = connect({ port: (http.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
  const answer = text(socket)
  for (const [i, part] of parts.entries()) {
    socket.write(part)
    if (i < parts.length - 1) await once(socket, 'data')
  }
  socket.end()
  return answer
}
const put = (path: string) => `PUT ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf`

it('what is cut off or unreadable is answered with cause and next action, under a number that is written down', async () => {
  for (const [bytes, status, message] of [
    [put('/'), '400 Bad Request', 'ended before all of its body had come'], ['not http\r\n\r\n', '400 Bad Request', 'is no HTTP that can be read'],
    [`GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`, '431 Request Header Fields Too Large', 'headers of the request are too large'],
  ] as const) {
    const [head = '', body = ''] = (await send(bytes)).split('\r\n\r\n')
    expect(head.split('\r\n')[0]).toBe(`HTTP/1.1 ${status}`)
    const { error } = answered.parse(JSON.parse(body))
    expect(error.message).toContain(message)
    expect(told.at(-1)).toBe(error.requestId)
  }
})

it('an answer that has begun is not broken into; one that is over is followed by another', async () => {
  expect(await send(put('/begun'), 'more')).not.toContain('error')
  expect(await send('GET /done HTTP/1.1\r\nHost: x\r\n\r\n', 'not http\r\n\r\n')).toMatch(/done.*HTTP\/1\.1 400 Bad Request.*is no HTTP/s)
})
