import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

const root = fileURLToPath(new URL('..', import.meta.url))
const answer = z.object({ result: z.object({ data: z.unknown() }).optional(), error: z.object({ message: z.string() }).optional() })

/** On a disk: /tmp is memory on Debian 13, and images, templates and scratch disks are large. */
const diskFolder = '/var/tmp'

/** `pid` is of the supervisor, whose children are PostgreSQL, web, control and the host. */
export type Installation = { url: string; tenant: string; token: string; data: string; pid: number; call<T>(path: string, input: object, output: z.ZodType<T>): Promise<T>; stop(): Promise<void> }

/** Starts a whole installation on a free port with a data folder of its own, and signs a person up in it. */
export async function startInstallation(name: string, settings: Record<string, string>): Promise<Installation> {
  const data = await mkdtemp(join(diskFolder, `hypernetes-bench-${name}-`))
  const port = await freePort()
  const child = spawn(process.execPath, ['tools/start.mjs'], {
    cwd: root,
    env: { ...process.env, HYPERNETES_DATA: data, PORT: String(port), HYPERNETES_ADMIN_PASSWORD: 'operator of the bench', HYPERNETES_LOG_LEVEL: 'warn', ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  const ready = new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      if (line.startsWith('ready ')) resolve()
    })
    child.once('exit', (code) => reject(new Error(`installation ${name} ended with code ${code} before it was ready`)))
  })
  await ready
  const url = `http://127.0.0.1:${port}`
  const stop = async () => {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'exit')
    await rm(data, { recursive: true, force: true })
  }
  const person = { email: 'bench@example.com', password: 'the password of the bench' }
  const post = async (path: string, input: object, token?: string): Promise<unknown> => {
    const response = await fetch(`${url}/api/trpc/${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) }, body: JSON.stringify(input) })
    const body = answer.parse(await response.json())
    if (body.error) throw new Error(`${path}: ${body.error.message}`)
    return body.result?.data
  }
  await post('account.signUp', { ...person, name: 'Bench', organization: 'Bench' })
  const { token, tenant } = z.object({ token: z.string(), tenant: z.string() }).parse(await post('token.issue', { ...person, name: 'bench', expiresInDays: 1 }))
  const get = async (path: string, input: object): Promise<unknown> => {
    const response = await fetch(`${url}/api/trpc/${path}?input=${encodeURIComponent(JSON.stringify(input))}`, { headers: { authorization: `Bearer ${token}` } })
    const body = answer.parse(await response.json())
    if (body.error) throw new Error(`${path}: ${body.error.message}`)
    return body.result?.data
  }
  const queries = /\.(get|list|logs|me)$/
  return { url, tenant, token, data, pid: child.pid ?? 0, stop, call: async (path, input, output) => output.parse(await (queries.test(path) ? get(path, input) : post(path, input, token))) }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}
