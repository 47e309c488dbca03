import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

const script = fileURLToPath(new URL('peer-process.mjs', import.meta.url))
const answer = z.object({ id: z.number(), value: z.unknown(), error: z.string().optional() })
export type Protocol = 'tcp' | 'udp'
export type Target = { address: string; port: number; protocol?: Protocol }

/** A process in a network namespace that listens, asks, and holds connections open, as it is told. */
export class Peer {
  private readonly waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  private next = 1

  private constructor(readonly namespace: string, private readonly child: ChildProcessByStdio<Writable, Readable, null>) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { id, value, error } = answer.parse(JSON.parse(line))
      const waiting = this.waiting.get(id)
      this.waiting.delete(id)
      if (error === undefined) waiting?.resolve(value)
      else waiting?.reject(new Error(`${namespace}: ${error}`))
    })
    child.once('close', () => {
      for (const { reject } of this.waiting.values()) reject(new Error(`the peer in ${namespace} ended`))
    })
  }

  static start(namespace: string): Peer {
    return new Peer(namespace, spawn('nsenter', [`--net=/run/netns/${namespace}`, process.execPath, script], { stdio: ['pipe', 'pipe', 'inherit'] }))
  }

  serve(at: Target, text: string, sink = false): Promise<unknown> {
    return this.do('serve', { ...at, protocol: at.protocol ?? 'tcp', text, sink })
  }

  /** What new connections are told: the other side's line, `refused`, `unreachable` or `silent`. */
  async ask(at: Target, times = 1, timeoutMs = 5000): Promise<string[]> {
    return z.array(z.string()).parse(await this.do('ask', { ...at, times, timeoutMs }))
  }

  async open(name: string, at: Target): Promise<string> {
    return z.string().parse(await this.do('open', { name, ...at }))
  }

  /** The answer on what was opened: an echo of TCP, a server's line of UDP; `refused`, `ended` or `silent`. */
  async say(name: string, text: string, timeoutMs = 5000): Promise<string> {
    return z.string().parse(await this.do('say', { name, text, timeoutMs }))
  }

  async number(command: 'flood' | 'pingPong' | 'connects' | 'received', parameters: object): Promise<number> {
    return z.number().parse(await this.do(command, parameters))
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return
    const closed = once(this.child, 'close')
    this.child.kill('SIGKILL')
    await closed
  }

  private do(command: string, parameters: object): Promise<unknown> {
    const id = this.next++
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject })
      this.child.stdin.write(`${JSON.stringify({ id, command, ...parameters })}\n`)
    })
  }
}
