import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const tagPattern = /^[a-z0-9]{5}$/

/** The tag of this host, made at its first start: it tells its kernel objects from those of another on the machine. */
export async function readHostTag(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o711 })
  const file = join(folder, 'tag')
  const kept = (await readFile(file, 'utf8').catch(() => '')).trim()
  if (tagPattern.test(kept)) return kept
  const tag = BigInt(`0x${randomBytes(8).toString('hex')}`).toString(36).padStart(5, '0').slice(-5)
  await writeFile(file, `${tag}\n`, { mode: 0o600 })
  return tag
}

/** Writes `state.json`, by which the supervisor and `doctor` see what this host is. Whole or not at all. */
export async function writeState(folder: string, state: Record<string, unknown>): Promise<void> {
  const file = join(folder, 'state.json')
  await writeFile(`${file}.tmp`, `${JSON.stringify(state)}\n`, { mode: 0o644 })
  await rename(`${file}.tmp`, file)
}

/**
 * Makes sure that one agent alone uses a folder: it holds a socket in the kernel's abstract names, which goes with its
 * process however that ends. Waits for another agent to end; throws when it has not after `withinMs`.
 */
export async function lockFolder(folder: string, withinMs: number): Promise<Server> {
  const name = `\0hypernetes-host-${createHash('sha256').update(folder).digest('hex').slice(0, 32)}`
  const deadline = performance.now() + withinMs
  for (;;) {
    const server = await listen(name)
    if (server) return server
    if (performance.now() > deadline) throw new Error(`another host agent uses ${folder}: stop it first`)
    await delay(100)
  }
}

function listen(name: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error) => ('code' in error && error.code === 'EADDRINUSE' ? resolve(null) : reject(error)))
    server.listen(name, () => resolve(server.unref()))
  })
}
