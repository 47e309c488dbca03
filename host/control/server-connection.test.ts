import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, expect, it } from 'vitest'
import WebSocket, { WebSocketServer } from 'ws'
import { z } from 'zod'
import { ServerConnection } from './server-connection'

let server: WebSocketServer
let url = ''
let dialled = 0
/** What the server does with whoever dials. */
let greet: (socket: WebSocket) => void
beforeEach(async () => {
  dialled = 0
  greet = () => {}
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' }).on('connection', (socket) => {
    dialled += 1
    socket.on('error', () => {})
    greet(socket)
  })
  await once(server, 'listening')
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(() => {
  for (const socket of server.clients) socket.terminate()
  server.close()
})

/** Somebody else comes and goes, several times: whoever dials without a pause has come meanwhile. */
async function others(times: number): Promise<void> {
  for (let i = 0; i < times; i += 1) {
    const socket = new WebSocket(url)
    await once(socket, 'open')
    const closed = once(socket, 'close')
    socket.terminate()
    await closed
  }
}

const ask = (connection: ServerConnection) => [connection.offer('host.figures', {}), connection.mutate('host.heartbeat', {}, z.unknown()), connection.query('host.challenge', z.unknown())]

it('dials nothing for what is asked of it once it is over', async () => {
  greet = (socket) => socket.close(1001)
  const connection = new ServerConnection(url)
  expect(await connection.closed).toBe('the server closed the connection (code 1001)')
  greet = () => {}
  for (const asked of ask(connection)) await expect(asked).rejects.toThrow('the server closed the connection (code 1001)')
  connection.subscribe('host.desired', z.unknown(), () => {})
  await others(20)
  expect(dialled).toBe(21)
})

it('ends what it is about to dial with itself, and what was asked with it', async () => {
  const connection = new ServerConnection(url)
  const asked = ask(connection).map((one) => one.then(() => 'answered', () => 'refused'))
  connection.close('this host ends')
  expect(await Promise.all(asked)).toEqual(['refused', 'refused', 'refused'])
  await others(20)
  await expect.poll(() => server.clients.size).toBe(0)
})

it('keeps nothing of what was answered while it goes on', async () => {
  greet = (socket) => socket.on('message', (data: Buffer) => {
    const [, id] = /"id":(\d+)/.exec(data.toString()) ?? []
    if (id !== undefined) socket.send(JSON.stringify({ id: Number(id), result: { type: 'data', data: { taken: true } } }))
  })
  const connection = new ServerConnection(url)
  const answered = async () => new WeakRef((await connection.mutate('host.heartbeat', {}, z.unknown())) as object)
  const answers = [await answered(), await answered(), await answered()]
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // What was read in this turn of the loop is kept until its end.
  await expect.poll(() => {
    collect()
    return answers.filter((answer) => answer.deref() !== undefined).length
  }).toBeLessThan(2)
  connection.close()
})
