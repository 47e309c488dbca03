import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export type UserAccount = { name: string; uid: number; gid: number }

/** The two users that unprivileged processes run as when the supervisor is root; undefined when it is not. */
export type Accounts = { server: UserAccount; database: UserAccount } | undefined

function find(name: string): UserAccount | undefined {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [user, , uid, gid] = line.split(':')
    if (user === name) return { name, uid: Number(uid), gid: Number(gid) }
  }
  return undefined
}

/** Finds the system user, or makes it: without a home, a shell or a password. Only for root. */
export function ensureAccount(name: string): UserAccount {
  const existing = find(name)
  if (existing) return checked(existing)
  const args = ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent', '--shell', '/usr/sbin/nologin', name]
  const result = spawnSync('/usr/sbin/useradd', args, { encoding: 'utf8' })
  const made = find(name) // another start may have made it in between
  if (!made) throw new Error(`the system user ${name} cannot be made: ${result.error?.message ?? result.stderr.trim()}`)
  return checked(made)
}

function checked(account: UserAccount): UserAccount {
  if (account.uid === 0) throw new Error(`user ${account.name} has uid 0; web, control and PostgreSQL never run as root`)
  return account
}

/** Users for web and control, and for PostgreSQL; when we are not root, everything runs as who we are. */
export function ensureAccounts(): Accounts {
  if (process.getuid?.() !== 0) return undefined
  return { server: ensureAccount('hypernetes'), database: ensureAccount('hypernetes-db') }
}
