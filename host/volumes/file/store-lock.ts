import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { VolumeError } from '../store'

/** What is done under it is short; a host that died or is cut off loses it with its lease. */
const waitSeconds = 60

/**
 * Works while no other host that has the same folder does so: a record is read and written anew, and what another one wrote between would be lost. The lock is that of a process (`flock` knows a network's
 * file systems), which ends with its standard input, and so with this agent however that ends. Throws `Unreachable` where another host does not give it back.
 */
export async function whileLocked<T>(root: string, name: string, work: () => Promise<T>): Promise<T> {
  const holder = spawn('flock', ['--wait', String(waitSeconds), join(root, 'lock'), 'cat'], { stdio: ['pipe', 'pipe', 'ignore'], env: { NODE_ENV: process.env.NODE_ENV, PATH: process.env.PATH ?? '/usr/bin:/bin' } })
  const ended = once(holder, 'close')
  holder.stdin.on('error', () => {})
  try {
    // It echoes once it has the lock.
    holder.stdin.write('\n')
    const isHeld = await Promise.race([once(holder.stdout, 'data').then(() => true), ended.then(() => false)])
    if (!isHeld) throw new VolumeError('Unreachable', name, `Another host works in the folder of the store ${name}, or its lock is not given back. It is tried again; where it stays so, ask the operator to look at the hosts that have this store.`)
    return await work()
  } finally {
    holder.stdin.end()
    await ended.catch(() => {})
  }
}
