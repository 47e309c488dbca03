import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { z } from 'zod'

/** Where a Node.js process listens for a debugger once it got SIGUSR1; one at a time on a machine. */
const inspector = 'http://127.0.0.1:9229/json/list'
const OPEN_MS = 20_000
const ANSWER_MS = 30_000

const targets = z.tuple([z.object({ webSocketDebuggerUrl: z.url() })])
const answer = z.object({ id: z.number(), error: z.object({ message: z.string() }).optional(), result: z.object({ result: z.object({ value: z.unknown().optional() }).optional() }).optional() })

/**
 * Bytes that a Node.js process of ours holds and cannot let go: its heap and buffers after a collection, which its debugger is
 * asked for. What it merely has not collected yet is not in it, so that a small leak shows.
 */
export async function liveBytes(pid: number): Promise<number> {
  process.kill(pid, 'SIGUSR1')
  const socket = await openInspector()
  try {
    const found = await evaluate(socket, 'process.pid')
    if (found !== pid) throw new Error(`process ${String(found)} listens for a debugger in the place of ${pid}: end it`)
    // What a finalizer lets go is collected the second time.
    for (let i = 0; i < 2; i++) await ask(socket, 'HeapProfiler.collectGarbage')
    return z.number().parse(await evaluate(socket, '(({ heapUsed, external }) => heapUsed + external)(process.memoryUsage())'))
  } finally {
    await evaluate(socket, 'void setTimeout(() => process._debugEnd(), 50)').catch(() => {})
    socket.terminate()
    await untilClosed()
  }
}

async function openInspector(): Promise<WebSocket> {
  const end = Date.now() + OPEN_MS
  for (;;) {
    const response = await fetch(inspector, { signal: AbortSignal.timeout(5000) }).catch(() => undefined)
    if (response?.ok) {
      const socket = new WebSocket(targets.parse(await response.json())[0].webSocketDebuggerUrl)
      await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
      return socket
    }
    if (Date.now() > end) throw new Error(`no debugger's port was opened within ${OPEN_MS / 1000} s`)
    await delay(50)
  }
}

async function untilClosed(): Promise<void> {
  const end = Date.now() + OPEN_MS
  while (await fetch(inspector, { signal: AbortSignal.timeout(5000), headers: { connection: 'close' } }).then((response) => response.text().then(() => true), () => false)) {
    if (Date.now() > end) throw new Error('a debugger’s port stays open')
    await delay(50)
  }
}

let lastId = 0

function ask(socket: WebSocket, method: string, params: object = {}): Promise<z.infer<typeof answer>['result']> {
  const id = (lastId += 1)
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => settle(() => reject(new Error(`no answer to ${method} within ${ANSWER_MS / 1000} s`))), ANSWER_MS)
    const settle = (how: () => void) => {
      clearTimeout(limit)
      socket.off('message', onMessage)
      how()
    }
    const onMessage = (data: Buffer) => {
      const said = answer.safeParse(JSON.parse(data.toString()))
      if (said.data?.id !== id) return
      const { error, result } = said.data
      settle(() => (error ? reject(new Error(`${method}: ${error.message}`)) : resolve(result)))
    }
    socket.on('message', onMessage)
    socket.send(JSON.stringify({ id, method, params }))
  })
}

async function evaluate(socket: WebSocket, expression: string): Promise<unknown> {
  return (await ask(socket, 'Runtime.evaluate', { expression, returnByValue: true }))?.result?.value
}
