import * as os from 'qjs:os'
import type * as z from 'zod/mini'
import type { OpenTunnelParams } from '@/contracts/guest/v1/requests'
import { GuestError } from '@/guest/errors'
import { readText } from '@/guest/files'
import type { Link } from '@/guest/link'
import { listenerAddress } from '@/guest/listeners'
import { pause } from '@/guest/pause'
import { spawnProcess, type Launched } from '@/guest/runtime'

// What nc complains about must not be taken for bytes of the peer.
const relay = 'exec nc -w "$1" "$2" "$3" 2>/dev/null'
const maxTableBytes = 256 * 1024
const lookMilliseconds = 3
/** On x86-64: poll, select, pselect6, ppoll, and write of what the peer sends first. */
const relayingCalls = new Set([7, 23, 270, 271, 1])

/** Listeners stand first in the kernel's tables: where the whole of both was read, an absent one is certain. */
function addressOf(port: number): string {
  const tables = [readText('/proc/net/tcp', maxTableBytes) ?? '', readText('/proc/net/tcp6', maxTableBytes) ?? '']
  for (const table of tables) {
    const address = listenerAddress(table, port)
    if (address) return address
  }
  if (tables.every((table) => table.length < maxTableBytes)) throw refused(port)
  return '127.0.0.1'
}

function refused(port: number): GuestError {
  return new GuestError('ConnectionRefused', `nothing listens on port ${port} of the pod`, String(port))
}

/** Whether the relay has its connection: it waits for bytes then, and in no such call before. */
function isRelaying(pid: number): boolean {
  return relayingCalls.has(Number.parseInt(readText(`/proc/${pid}/syscall`, 64) ?? '', 10))
}

/**
 * A TCP connection to a port of this VM, by busybox's nc in front of it: the end of input closes the sending half; the
 * peer's end is the end of the tunnel. Throws ConnectionRefused where nothing listens, Unavailable where the listener
 * takes no connection in time.
 */
export async function openTunnel({ stream, port, connectTimeoutMilliseconds }: z.infer<typeof OpenTunnelParams>, link: Link): Promise<Launched> {
  const seconds = Math.ceil(connectTimeoutMilliseconds / 1000)
  const process = spawnProcess({ args: ['/bin/sh', '-c', relay, 'sh', String(seconds), addressOf(port), String(port)], stream, stdin: true, stderr: false }, link)
  let ended: number | undefined
  void process.exit.then(({ exitCode }) => (ended = exitCode))
  for (let waited = 0; ; waited += lookMilliseconds) {
    await pause(lookMilliseconds)
    if (ended === undefined && !isRelaying(process.pid)) {
      if (waited < connectTimeoutMilliseconds) continue
      os.kill(process.pid, 9)
    } else if (ended === undefined || ended === 0) return process
    process.stdin?.close()
    for (const output of process.outputs) output.discard()
    if (ended === undefined) throw new GuestError('Unavailable', `the listener of port ${port} did not take the connection within ${connectTimeoutMilliseconds} ms`, String(port))
    throw refused(port)
  }
}
