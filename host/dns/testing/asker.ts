import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { z } from 'zod'

const answer = z.object({ id: z.number(), found: z.unknown(), code: z.string().nullable() })
const kinds = { A: 'resolve4', AAAA: 'resolve6', SRV: 'resolveSrv', CNAME: 'resolveCname', PTR: 'reverse', TXT: 'resolveTxt' } as const
export type QuestionKind = keyof typeof kinds

/** Asks once a question, and waits for its answer as a pod's libc would: what is lost shows as ETIMEOUT, a closed port as ECONNREFUSED. */
const script = `
const { Resolver } = require('node:dns').promises
const [server, timeout] = process.argv.slice(1)
require('node:readline').createInterface({ input: process.stdin }).on('line', async (line) => {
  const { id, method, name } = JSON.parse(line)
  const resolver = new Resolver({ tries: 1, timeout: Number(timeout) })
  resolver.setServers([server])
  const told = await resolver[method](name).then((found) => ({ found, code: null }), ({ code }) => ({ found: null, code }))
  console.log(JSON.stringify({ id, ...told }))
})`

const answersWithinMs = 10_000

/** What a pod in a network namespace asks a resolver. */
export class Asker {
  private readonly waiting = new Map<number, (found: unknown) => void>()
  private last = 0
  private readonly child: ChildProcess

  constructor(namespace: string, server: string) {
    this.child = spawn('nsenter', [`--net=/run/netns/${namespace}`, process.execPath, '-e', script, server, String(answersWithinMs)], { stdio: ['pipe', 'pipe', 'inherit'] })
    if (this.child.stdout) createInterface({ input: this.child.stdout }).on('line', (line) => this.take(line))
  }

  /** What it answers, or the code of what is wrong with it: ENODATA, ENOTFOUND (NXDOMAIN), EREFUSED, ETIMEOUT. */
  ask(kind: QuestionKind, name: string): Promise<unknown> {
    const id = ++this.last
    this.child.stdin?.write(`${JSON.stringify({ id, method: kinds[kind], name })}\n`)
    return new Promise((resolve) => this.waiting.set(id, resolve))
  }

  async close(): Promise<void> {
    const ended = once(this.child, 'exit')
    this.child.kill('SIGKILL')
    await ended
  }

  private take(line: string): void {
    const { id, found, code } = answer.parse(JSON.parse(line))
    this.waiting.get(id)?.(code ?? found)
    this.waiting.delete(id)
  }
}
