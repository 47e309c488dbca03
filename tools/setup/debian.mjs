import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { join } from 'node:path'
import { CommandFailed, run, step } from './step.mjs'

const folders = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'].filter(Boolean)

/** @param {string} command */
export function hasCommand(command) {
  return folders.some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/**
 * Those of the packages that this machine lacks.
 * @param {import('../packages.mjs').DebianPackage[]} packages
 */
export function missingPackages(packages) {
  const unsure = packages.filter((entry) => !entry.command || !hasCommand(entry.command))
  if (unsure.length === 0) return []
  const query = spawnSync('dpkg-query', ['-W', '-f=${db:Status-Abbrev} ${Package}\\n', ...unsure.map((entry) => entry.name)], { encoding: 'utf8' })
  const installed = new Set((query.stdout ?? '').split('\n').filter((line) => line.startsWith('ii')).map((line) => line.split(/\s+/)[1]))
  return unsure.filter((entry) => !installed.has(entry.name))
}

/**
 * Installs the packages that are missing, as root or through sudo, and says before which and why. Does nothing, and
 * asks for no rights, when none is.
 * @param {import('../packages.mjs').DebianPackage[]} packages
 */
export async function installPackages(packages) {
  const missing = missingPackages(packages)
  if (missing.length === 0) return
  const names = missing.map((entry) => entry.name)
  if (!hasCommand('apt-get')) throw new Error(`this machine lacks ${names.join(', ')} and has no apt-get to install them: Hypernetes runs on Debian 12 or 13`)
  const sudo = process.getuid?.() === 0 ? [] : ['sudo']
  if (sudo.length > 0 && !hasCommand('sudo')) throw new Error(`install the missing packages as root, then run this again:\n  apt-get install ${names.join(' ')}`)
  console.log(`Debian packages to install${sudo.length > 0 ? ' (through sudo)' : ''}:`)
  for (const entry of missing) console.log(`  ${entry.name.padEnd(24)} ${entry.reason}`)
  if (sudo.length > 0) spawnSync('sudo', ['-v'], { stdio: 'inherit' })
  const [program, ...prefix] = [...sudo, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-y', '-o', 'DPkg::Lock::Timeout=300']
  const apt = (args) => run(program, [...prefix, ...args])
  if (names.some((name) => !isKnown(name))) await step("refresh apt's package lists", () => apt(['update']))
  await step(`install ${names.length} Debian package${names.length > 1 ? 's' : ''}`, async () => {
    const install = () => apt(['install', '--no-install-recommends', ...names])
    try {
      await install()
    } catch (error) {
      // Old lists name files that the mirror no longer has.
      if (!(error instanceof CommandFailed) || !/404|Unable to fetch|Unable to locate|no installation candidate/.test(error.output)) throw error
      await apt(['update'])
      await install()
    }
  })
  stopUnaskedServices(missing, sudo)
}

/** Whether apt's lists hold a version of the package. */
function isKnown(name) {
  const policy = spawnSync('apt-cache', ['policy', name], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } }).stdout ?? ''
  return /Candidate: (?!\(none\))/.test(policy)
}

/** Ends and disables what the packages that were installed just now started by themselves: Hypernetes starts its own, and on ports that these would hold. */
function stopUnaskedServices(installed, sudo) {
  const services = installed.flatMap((entry) => entry.service ?? [])
  if (services.length === 0 || !existsSync('/run/systemd/system')) return
  console.log(`  Debian's own service${services.length > 1 ? 's' : ''} ${services.join(', ')}: stopped and disabled, as Hypernetes starts what it needs itself`)
  const [program, ...args] = [...sudo, 'systemctl', 'disable', '--now', ...services]
  spawnSync(program, args, { stdio: 'ignore' })
}
