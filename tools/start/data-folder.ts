import { chmodSync, chownSync, lstatSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Accounts, UserAccount } from '@/tools/start/accounts'

/** What the supervisor keeps, each a folder of the data folder. */
export type DataFolders = { data: string; supervisor: string; postgres: string; keys: string; web: string; uploads: string; control: string; host: string; app: string }

/** The longest path of a socket below it: that of a VM's monitor or agent, which the kernel allows 107 bytes (unix(7)). */
const longestSocket = join('host', 'pods', '00000000-0000-0000-0000-000000000000', 'vm', 'agent.sock')

function assertShortEnough(data: string): void {
  const most = 107 - Buffer.byteLength(longestSocket) - 1
  if (Buffer.byteLength(data) > most) throw new Error(`the path of the data folder, ${data}, has ${Buffer.byteLength(data)} bytes, and VMs' sockets below it allow ${most}. Set HYPERNETES_DATA to a shorter path`)
}

/**
 * Makes the data folder (0711: passable, not readable) and below it a folder a user: 0700, of the user who works in
 * it. Two can be passed through: `app`, where unprivileged processes find the program, and `host`, below which each VM
 * reaches, as a user of its own, its own files; the host agent closes the rest.
 */
export function makeDataFolders(data: string, accounts: Accounts): DataFolders {
  assertShortEnough(data)
  mkdirSync(data, { recursive: true, mode: 0o711 })
  chmodSync(data, 0o711)
  const folder = (name: string, mode: number, owner?: UserAccount) => {
    const path = join(data, name)
    mkdirSync(path, { recursive: true, mode })
    if (!lstatSync(path).isDirectory()) throw new Error(`${path} is not a folder`)
    chmodSync(path, mode)
    if (accounts) chownSync(path, owner?.uid ?? 0, owner?.gid ?? 0)
    return path
  }
  return {
    data,
    supervisor: folder('supervisor', 0o700),
    postgres: folder('postgres', 0o700, accounts?.database),
    keys: folder('keys', 0o700, accounts?.server),
    web: folder('web', 0o700, accounts?.server),
    uploads: folder('uploads', 0o700, accounts?.server),
    control: folder('control', 0o700, accounts?.server),
    host: folder('host', 0o711),
    app: folder('app', 0o711),
  }
}
