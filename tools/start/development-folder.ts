import { chownSync, existsSync, lstatSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { UserAccount } from '@/tools/start/accounts'

/**
 * In development Next writes what it compiles, and its types, into the checkout. Where root started it, web runs as a
 * user who may not: these two paths are given to that user.
 */
export function makeDevelopmentFolder(root: string, account: UserAccount): void {
  const folder = join(root, '.next', 'dev')
  if (existsSync(folder) && lstatSync(folder).uid !== account.uid) rmSync(folder, { recursive: true })
  mkdirSync(folder, { recursive: true })
  chownSync(folder, account.uid, account.gid)
  const types = join(root, 'next-env.d.ts')
  if (!existsSync(types)) writeFileSync(types, '')
  chownSync(types, account.uid, account.gid)
}
