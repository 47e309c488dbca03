import { once } from 'node:events'
import { Agent, request, type IncomingHttpHeaders, type RequestOptions } from 'node:http'
import { constants, type ClientHttp2Session } from 'node:http2'
import { connect, type Socket } from 'node:net'

/** What came back for bytes that were sent as they are; `ended`: the other side closed the connection by itself, within the time. */
export type RawAnswer = { text: string; ended: boolean; milliseconds: number }

/** Sends bytes and takes what comes until the end, until `isAll` says so, or the time is over. */
export function raw(host: string, port: number, bytes: string, { timeoutMs = 3_000, isAll = () => false }: { timeoutMs?: number; isAll?: (text: string) => boolean } = {}): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const began = performance.now()
    const socket = connect(port, host)
    let text = ''
    const done = (ended: boolean) => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ text, ended, milliseconds: performance.now() - began })
    }
    const timer = setTimeout(() => done(false), timeoutMs)
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (isAll(text)) done(false)
    })
    socket.on('error', () => {}).on('close', () => done(true))
    socket.write(bytes, 'latin1')
  })
}

/** Whether the head of an answer and its body, as Content-Length or chunks have it, are there. */
export function isWhole(text: string): boolean {
  const head = text.indexOf('\r\n\r\n')
  if (head < 0) return false
  const length = /^content-length: (\d+)/im.exec(text.slice(0, head))?.[1]
  return length === undefined ? text.endsWith('0\r\n\r\n') || !/transfer-encoding/i.test(text.slice(0, head)) : text.length >= head + 4 + Number(length)
}

export const statusOf = ({ text }: RawAnswer): number | null => Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0) || null

export type Answer = { status: number; headers: IncomingHttpHeaders; body: string }
/** One request; throws where the connection fails. */
export function ask(host: string, port: number, { path = '/', headers = {}, method = 'GET', body, agent = false, timeout = 5_000 }: RequestOptions & { body?: string } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, path, headers: { ...headers }, method, agent, timeout }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }))
    })
    sent.on('error', reject).on('timeout', () => sent.destroy(new Error('no answer')))
    sent.end(body)
  })
}

/** Clients that ask without a pause until they are told to stop, some on kept connections; what went wrong is told. */
export function load(host: string, port: number, clients = 4): { stop: () => Promise<{ asked: number; wrong: string[] }> } {
  let going = true
  let asked = 0
  const wrong: string[] = []
  const all = Array.from({ length: clients }, async (_, i) => {
    const agent = new Agent({ keepAlive: i % 2 === 0, maxSockets: 1 })
    while (going) {
      // A kept connection that is being closed as a request begins is tried again by every client; Node leaves that to its caller.
      const again = (error: NodeJS.ErrnoException & { reused?: boolean }) => (i % 2 === 0 && error.code === 'ECONNRESET' ? ask(host, port, { agent }) : Promise.reject(error))
      await ask(host, port, { agent }).catch(again).then(({ status }) => void (status === 200 ? 0 : wrong.push(String(status))), (error: Error) => void wrong.push(error.message))
      asked += 1
    }
    agent.destroy()
  })
  return { stop: async () => {
    going = false
    await Promise.all(all)
    return { asked, wrong }
  } }
}

/** Connections that say nothing. */
export async function idle(host: string, port: number, count: number, greeting = ''): Promise<Socket[]> {
  const sockets: Socket[] = []
  for (let i = 0; i < count; i += 200) {
    sockets.push(...(await Promise.all(Array.from({ length: Math.min(200, count - i) }, () => new Promise<Socket>((resolve, reject) => {
      const socket = connect(port, host, () => {
        if (greeting !== '') socket.write(greeting)
        resolve(socket)
      })
      socket.once('error', reject)
    })))))
  }
  return sockets
}

/** One request of HTTP/2. */
export async function over(session: ClientHttp2Session, headers: Record<string, string>, body?: string): Promise<{ status: number; body: string; trailers: object | null }> {
  const stream = session.request(headers, { endStream: body === undefined })
  let [text, status] = ['', 0]
  let trailers: object | null = null
  stream.on('response', (response) => (status = Number(response[constants.HTTP2_HEADER_STATUS])))
  stream.on('trailers', (given) => (trailers = given))
  stream.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
  if (body !== undefined) stream.end(body, 'latin1')
  await once(stream, 'close')
  return { status, body: text, trailers }
}
