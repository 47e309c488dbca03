import { AsyncLocalStorage } from 'node:async_hooks'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { VolumeError } from '../store'

/** What is done under it is short; a host that died or is cut off loses it with its lease. */
const waitSeconds = 60
/** Shorter than the lease of any network's file system that is in use: a host that was cut off may have lost a lock that is older, and nobody tells it. */
const trustedMs = 30_000

type Held = { name: string; holder: ChildProcess; since: number }
/** The lock under which is worked, if any. */
const held = new AsyncLocalStorage<Held>()

/** Before each change of what several hosts have. Throws `Unreachable` where the lock may be another host's by now: what was read under it may be changed already. */
export function stillLocked(): void {
  const lock = held.getStore()
  if (!lock) return
  const { name, holder, since } = lock
  if (holder.exitCode === null && holder.signalCode === null && performance.now() - since < trustedMs) return
  throw new VolumeError('Unreachable', name, `The folder of the store ${name} took too long, and another host may work in it by now: nothing is changed there by what was read before. It is tried again; where it stays so, ask the operator to look at the store.`)
}

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
    return await held.run({ name, holder, since: performance.now() }, work)
  } finally {
    holder.stdin.end()
    await ended.catch(() => {})
  }
}
