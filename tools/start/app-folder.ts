import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, linkSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { UserAccount } from '@/tools/start/accounts'
import type { GuestImage } from '@/tools/start/environment'

/** Where unprivileged processes find the program: `folder` has dist, .next, node_modules and prisma/migrations. */
export type App = { folder: string; node: string }

const packageLock = z.object({ packages: z.record(z.string(), z.looseObject({ dev: z.boolean().optional() })) })

/**
 * The checkout and this Node, where the account can read them; else a copy of what runs in `appFolder/<version>`
 * (hard links where the file system is the same). A checkout in root's home is closed to other users.
 */
export function reachableApp(root: string, appFolder: string, version: string, account: UserAccount | undefined): App {
  const node = process.execPath
  if (!account) return { folder: root, node }
  const reachableNode = canRead(node, [], account) ? node : copyNode(node, appFolder)
  if (canRead(reachableNode, needed(root), account)) return { folder: root, node: reachableNode }
  const folder = join(appFolder, version)
  if (!existsSync(folder)) copyApp(root, folder)
  removeOthers(appFolder, version)
  if (!canRead(reachableNode, needed(folder), account)) throw new Error(`user ${account.name} cannot read ${folder}: a folder above it is closed to other users; choose another HYPERNETES_DATA`)
  return { folder, node: reachableNode }
}

/** The guest's kernel and first file system, where QEMU, which runs as a user of its own, can read them. */
export function reachableGuest(guest: GuestImage | undefined, appFolder: string, account: UserAccount | undefined, node: string): GuestImage | undefined {
  if (!guest || !account || canRead(node, [guest.kernel, guest.initramfs], account)) return guest
  const folder = join(appFolder, `guest-${guest.version}`)
  const copied = { ...guest, kernel: join(folder, 'vmlinuz'), initramfs: join(folder, 'initramfs') }
  if (!existsSync(folder)) {
    const draft = `${folder}.${process.pid}.new`
    mkdirSync(draft, { recursive: true, mode: 0o755 })
    linkOrCopy(guest.kernel, join(draft, 'vmlinuz'), 0)
    linkOrCopy(guest.initramfs, join(draft, 'initramfs'), 0)
    renameSync(draft, folder)
  }
  return copied
}

const needed = (folder: string) => ['dist/web.mjs', 'dist/control.mjs', 'dist/migrate.mjs', 'package.json', 'node_modules/next/package.json', 'prisma/migrations'].map((path) => join(folder, path))

/** Tries it as that user: only the kernel knows every rule. */
function canRead(node: string, paths: readonly string[], account: UserAccount): boolean {
  const script = 'for (const path of process.argv.slice(1)) require("node:fs").accessSync(path, 4)'
  const result = spawnSync(node, ['-e', script, '--', ...paths], { uid: account.uid, gid: account.gid, cwd: '/', env: { NODE_ENV: 'production' }, stdio: 'ignore' })
  return result.status === 0
}

function copyNode(node: string, appFolder: string): string {
  const target = join(appFolder, `node-${process.versions.node}`)
  if (!existsSync(target)) {
    copyFileSync(node, `${target}.new`)
    chmodSync(`${target}.new`, 0o755)
    renameSync(`${target}.new`, target)
  }
  return target
}

/** Only what runs: no sources, no caches, no packages that only development needs. */
function copyApp(root: string, folder: string): void {
  const draft = `${folder}.${process.pid}.new`
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft, { mode: 0o755 })
  const skip = new Set([...developmentPackages(root), '.next/cache', '.next/dev', 'dist/guest', 'dist/meta'].map((path) => join(root, path)))
  for (const path of ['dist', '.next', 'node_modules', 'public', 'prisma/migrations', 'package.json', 'next.config.js']) {
    if (!existsSync(join(root, path))) continue
    mkdirSync(dirname(join(draft, path)), { recursive: true, mode: 0o755 })
    copyTree(join(root, path), join(draft, path), skip)
  }
  renameSync(draft, folder)
}

function developmentPackages(root: string): string[] {
  const lock = packageLock.parse(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')))
  return Object.entries(lock.packages).filter(([, entry]) => entry.dev).map(([path]) => path)
}

function copyTree(from: string, to: string, skip: ReadonlySet<string>): void {
  if (skip.has(from)) return
  const entry = lstatSync(from)
  if (entry.isSymbolicLink()) symlinkSync(readlinkSync(from), to)
  else if (entry.isDirectory()) {
    mkdirSync(to, { mode: 0o755 })
    chmodSync(to, 0o755)
    for (const name of readdirSync(from)) copyTree(join(from, name), join(to, name), skip)
  } else if (entry.isFile()) linkOrCopy(from, to, entry.mode)
}

/** A hard link shares the mode, so a file that others may not read is copied. */
function linkOrCopy(from: string, to: string, mode: number): void {
  if (mode & 0o004) {
    try {
      linkSync(from, to)
      return
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && (error.code === 'EXDEV' || error.code === 'EPERM' || error.code === 'EMLINK'))) throw error
    }
  }
  copyFileSync(from, to)
  chmodSync(to, mode & 0o100 ? 0o755 : 0o644)
}

/** Versions of earlier starts; the folder of PostgreSQL and the like have names of their own. */
function removeOthers(appFolder: string, version: string): void {
  for (const name of readdirSync(appFolder)) {
    if (/^[0-9a-f]{12}(\.|$)/.test(name) && name !== version) rmSync(join(appFolder, name), { recursive: true, force: true })
  }
}
