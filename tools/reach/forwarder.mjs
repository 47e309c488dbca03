import { createServer } from 'node:net'
import WebSocket from 'ws'
import { CommandError, mutate } from './installation.mjs'

const channel = { input: 0, output: 1, result: 3 }
const highWater = 1 << 20
const maxFrame = 64 << 10
const endOfInput = Buffer.of(channel.input)

/** `LOCAL:REMOTE`, `PORT` for both the same, `:REMOTE` for any free local port. */
export function portsOf(text) {
  const [, local, remote] = /^(?:(\d{0,5}):)?(\d{1,5})$/.exec(text) ?? []
  const ports = { local: Number(local === undefined ? remote : local || 0), remote: Number(remote) }
  if (remote === undefined || ports.remote < 1 || ports.remote > 65_535 || ports.local > 65_535) throw new CommandError(`"${text}" names no ports. Write LOCAL:REMOTE, such as 8080:80.`)
  return ports
}

/**
 * Listens on the loopback of this machine; each connection gets a stream of its own to the pod's port. Returns the server.
 * `say` hears of connections that fail.
 */
export async function forward(installation, pod, { local, remote }, say) {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connect(installation, pod, remote, socket).catch((error) => {
      say(`A connection to port ${remote} failed: ${error.message}`)
      socket.destroy()
    })
  })
  await new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new CommandError(error.code === 'EADDRINUSE' ? `Port ${local} of this machine is taken. Choose another one, or write :${remote} for any that is free.` : error.code === 'EACCES' ? `Port ${local} of this machine needs rights that you do not have. Choose one above 1023.` : error.message)))
    server.listen(local, '127.0.0.1', resolve)
  })
  return server
}

async function connect(installation, pod, port, socket) {
  socket.on('error', () => socket.destroy())
  const { ticket } = await mutate(installation, 'pod.openPortForward', { ...pod, port })
  const url = new URL(`/ws/stream/${ticket}`, installation.origin)
  url.protocol = url.protocol.replace('http', 'ws')
  const stream = new WebSocket(url, { headers: { authorization: `Bearer ${installation.token}` }, perMessageDeflate: false })
  await new Promise((resolve, reject) => {
    let failure = null
    const fail = (message) => (failure ??= message)
    stream.once('error', (error) => fail(error.message))
    stream.on('open', () => sendAll(socket, stream))
    stream.on('message', (data) => {
      if (data[0] === channel.output) receive(data.subarray(1), socket, stream)
      else if (data[0] === channel.result) {
        const { error } = parsed(data.subarray(1))
        if (error) fail(error)
      }
    })
    stream.once('close', () => {
      if (failure === null) {
        socket.end()
        resolve()
      } else reject(new Error(failure))
    })
    socket.once('close', () => stream.close())
  })
}

/** What the local program sends, as fast as the stream takes it; the end of its half as a frame without bytes. */
function sendAll(socket, stream) {
  socket.on('data', (chunk) => {
    for (let at = 0; at < chunk.length; at += maxFrame) stream.send(Buffer.concat([Buffer.of(channel.input), chunk.subarray(at, at + maxFrame)]), () => { if (stream.bufferedAmount < highWater) socket.resume() })
    if (stream.bufferedAmount >= highWater) socket.pause()
  })
  socket.once('end', () => { if (stream.readyState === WebSocket.OPEN) stream.send(endOfInput) })
}

function receive(bytes, socket, stream) {
  if (bytes.length === 0) return void socket.end()
  if (socket.destroyed || socket.write(bytes)) return
  stream.pause()
  socket.once('drain', () => stream.resume())
}

function parsed(payload) {
  try {
    return JSON.parse(payload.toString('utf8'))
  } catch {
    return { error: 'the result cannot be read' }
  }
}
