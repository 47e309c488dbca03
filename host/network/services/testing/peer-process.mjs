// One end of traffic in a network namespace: reads a command a line (JSON) and answers each with a line. Run by peer.ts.
import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'
import { createInterface } from 'node:readline'

const held = new Map()
const received = new Map()
const refusal = (error) => (['ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(error.code) ? 'refused' : ['EHOSTUNREACH', 'ENETUNREACH', 'EACCES'].includes(error.code) ? 'unreachable' : `error ${error.code}`)

/** Settles with what comes first. */
const within = (ms, start) => new Promise((resolve) => {
  const timer = setTimeout(() => resolve('silent'), ms)
  start((value) => {
    clearTimeout(timer)
    resolve(value)
  })
})

const udpOf = (address) => createSocket({ type: address.includes(':') ? 'udp6' : 'udp4' })

const askTcp = ({ address, port, timeoutMs }) => within(timeoutMs, (done) => {
  const socket = connect({ host: address, port, noDelay: true })
  socket.on('data', (data) => { socket.resetAndDestroy(); done(String(data).trim()) })
  socket.on('error', (error) => done(refusal(error)))
  socket.on('end', () => done('ended'))
  setTimeout(() => socket.destroy(), timeoutMs)
})

const askUdp = ({ address, port, timeoutMs, text = 'hello' }) => within(timeoutMs, (done) => {
  const socket = udpOf(address)
  const end = (value) => { try { socket.close() } catch { /* closed */ } done(value) }
  socket.on('message', (data) => end(String(data).trim()))
  socket.on('error', (error) => end(refusal(error)))
  socket.connect(port, address, () => socket.send(text, (error) => error && end(refusal(error))))
  setTimeout(() => { try { socket.close() } catch { /* closed */ } }, timeoutMs)
})

const commands = {
  /** TCP writes `text`, then echoes; with `sink` it counts. UDP answers `text`. */
  serve: ({ protocol, address, port, text, sink = false }) => new Promise((resolve, reject) => {
    if (protocol === 'udp') {
      const socket = udpOf(address)
      socket.on('error', reject)
      socket.on('message', (data, from) => {
        received.set(text, (received.get(text) ?? 0) + data.length)
        if (!sink) socket.send(`${text}\n`, from.port, from.address, () => {})
      })
      return socket.bind(port, address, () => resolve(null))
    }
    const server = createServer({ noDelay: true }, (socket) => {
      socket.on('error', () => {})
      if (sink) return socket.on('data', (data) => received.set(text, (received.get(text) ?? 0) + data.length))
      socket.write(`${text}\n`)
      socket.on('data', (data) => socket.write(data))
    })
    server.on('error', reject)
    server.listen(port, address, 1024, () => resolve(null))
  }),
  received: ({ text }) => received.get(text) ?? 0,
  /** As many new connections (or questions from new ports), one after another: what each was told. */
  ask: async ({ protocol, times = 1, ...where }) => {
    const answers = []
    for (let i = 0; i < times; i += 1) answers.push(await (protocol === 'udp' ? askUdp : askTcp)({ timeoutMs: 5000, ...where }))
    return answers
  },
  /** Opens a connection, or a UDP socket that keeps its port, and keeps it; the first line of the other side. */
  open: ({ name, protocol, address, port, timeoutMs = 5000 }) => within(timeoutMs, (done) => {
    if (protocol === 'udp') {
      const socket = udpOf(address)
      held.set(name, { say: (text) => socket.send(text), hear: (listener) => { socket.removeAllListeners(); socket.on('message', (data) => listener(String(data).trim())); socket.on('error', (error) => listener(refusal(error))) }, end: () => socket.close() })
      socket.connect(port, address, () => done('open'))
      return
    }
    const socket = connect({ host: address, port, noDelay: true })
    let over = null
    let listener = done
    socket.on('data', (data) => listener(String(data).trim()))
    socket.on('error', (error) => { over = refusal(error); listener(over) })
    socket.on('close', () => { over ??= 'ended'; listener(over) })
    held.set(name, { say: (text) => { if (over) listener(over); else socket.write(`${text}\n`) }, hear: (next) => { listener = next }, end: () => socket.destroy() })
  }),
  say: ({ name, text, timeoutMs = 5000 }) => within(timeoutMs, (done) => {
    held.get(name).hear(done)
    held.get(name).say(text)
  }),
  /** Sends as much as goes for so long. TCP. */
  flood: ({ address, port, seconds }) => new Promise((resolve) => {
    const socket = connect({ host: address, port })
    const block = Buffer.alloc(256 << 10)
    let sent = 0
    const end = performance.now() + seconds * 1000
    const more = () => {
      while (performance.now() < end) {
        sent += block.length
        if (!socket.write(block)) return socket.once('drain', more)
      }
      socket.destroy()
      resolve(sent)
    }
    socket.on('error', (error) => resolve(refusal(error)))
    socket.on('connect', more)
  }),
  /** Milliseconds of so many exchanges of one byte, one after another, on one connection. */
  pingPong: ({ address, port, times }) => new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, noDelay: true })
    let left = times
    let from = 0
    socket.on('error', reject)
    socket.once('data', () => {
      from = performance.now()
      socket.on('data', () => {
        left -= 1
        if (left > 0) return socket.write('x')
        socket.resetAndDestroy()
        resolve(performance.now() - from)
      })
      socket.write('x')
    })
  }),
  /** Milliseconds of so many connections, one after another, each to its first line. */
  connects: async ({ address, port, times }) => {
    const from = performance.now()
    for (let i = 0; i < times; i += 1) {
      await new Promise((resolve, reject) => {
        const socket = connect({ host: address, port })
        socket.on('error', reject)
        socket.on('data', () => { socket.resetAndDestroy(); resolve(null) })
      })
    }
    return performance.now() - from
  },
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, command, ...rest } = JSON.parse(line)
  const answer = (value) => process.stdout.write(`${JSON.stringify({ id, ...value })}\n`)
  Promise.resolve().then(() => commands[command](rest)).then((value) => answer({ value }), (error) => answer({ error: String(error) }))
}).on('close', () => process.exit(0))
