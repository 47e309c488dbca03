import { createWriteStream } from 'node:fs'
import { chown, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { descriptors, sockets, VmError } from './machine'
import type { QmpClient, QmpEvent } from './qmp'

/** No device state of ours comes near this. */
const maxStateBytes = 64 << 20

const migration = (event: QmpEvent) => (event.event === 'MIGRATION' ? event.data?.status : undefined)

/** Memory stays in its file: only devices go through the stream. */
async function leaveMemoryOut(qmp: QmpClient): Promise<void> {
  await qmp.command('migrate-set-capabilities', {
    capabilities: ['x-ignore-shared', 'events'].map((capability) => ({ capability, state: true })),
  })
}

/**
 * Stops a VM and writes its devices' state into `target`. QEMU may start no command, and takes no descriptor by number
 * here: the bytes come through a socket in its folder.
 */
export async function saveState(qmp: QmpClient, folder: string, uid: number, target: string, timeoutMs = 20_000): Promise<void> {
  await qmp.command('stop')
  await leaveMemoryOut(qmp)
  const path = join(folder, sockets.state)
  const server = createServer()
  try {
    const written = new Promise<void>((resolve, reject) => {
      server.once('connection', (socket) => {
        let bytes = 0
        socket.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes > maxStateBytes) socket.destroy(new VmError('the saved state is too large'))
        })
        pipeline(socket, createWriteStream(target, { mode: 0o600, flush: true })).then(resolve, reject)
      })
      server.once('error', reject)
    })
    written.catch(() => {})
    await new Promise<void>((resolve) => server.listen(path, resolve))
    await chown(path, uid, uid)
    const ended = qmp.nextEvent((event) => ['completed', 'failed'].includes(String(migration(event))), 'saving the state', timeoutMs)
    ended.catch(() => {})
    await qmp.command('migrate', { uri: `unix:${sockets.state}` })
    if (migration(await ended) !== 'completed') throw new VmError('QEMU could not save the state')
    await written
  } finally {
    server.close()
    await rm(path, { force: true })
  }
}

/** Loads the state that QEMU was started with into a waiting clone, and lets it run. */
export async function loadState(qmp: QmpClient, timeoutMs = 20_000): Promise<void> {
  await leaveMemoryOut(qmp)
  const ended = qmp.nextEvent((event) => ['completed', 'failed'].includes(String(migration(event))), 'loading the state', timeoutMs)
  ended.catch(() => {})
  await qmp.command('migrate-incoming', { uri: `fd:${descriptors.state}` })
  if (migration(await ended) !== 'completed') throw new VmError('QEMU could not load the state')
  await qmp.command('cont')
}
