import semver from 'semver'
import { installScripts } from './allowances'
import { packagesOf, wantedBy, type LockedPackage, type Lockfile, type Manifest } from './lockfile'

/** The one registry that the lock may name. npm asks whichever is configured in its place, and holds it to the hashes. */
const registry = 'https://registry.npmjs.org/'
/** `npm install` with another machine's settings writes what is refused here. */
const again = 'Install it again with npm install --save-exact NAME@VERSION under the settings of .npmrc, and commit package-lock.json.'

/**
 * What keeps the lock from saying exactly which bytes are installed; each line names the package, the cause and what to do.
 * @param settings the text of .npmrc
 */
export function lockProblems(lock: Lockfile, manifest: Manifest, settings: string): string[] {
  return [
    ...(lock.lockfileVersion === 3 ? [] : [`package-lock.json is of version ${lock.lockfileVersion}, which is not read here. Write it anew with npm 7 or newer: npm install --package-lock-only.`]),
    ...(/^ignore-scripts\s*=\s*true$/m.test(settings) ? [] : ['.npmrc does not say ignore-scripts=true: every package could run a program of its own while it is installed. Put the line back.']),
    ...manifestProblems(lock, manifest),
    ...packagesOf(lock).flatMap(packageProblems),
  ]
}

function manifestProblems(lock: Lockfile, manifest: Manifest): string[] {
  const [wanted, locked] = [wantedBy(manifest), wantedBy(lock.packages[''] ?? {})]
  const inexact = Object.entries(wanted).filter(([, range]) => semver.valid(range) !== range)
  const names = new Set([...Object.keys(wanted), ...Object.keys(locked)])
  const differing = [...names].filter((name) => wanted[name] !== locked[name])
  return [
    ...inexact.map(([name, range]) => `package.json asks for ${name} "${range}", which is no exact version: what is installed would change by itself. Name one version.`),
    ...differing.map((name) => `package.json asks for ${name} ${wanted[name] ?? '(nothing)'} and package-lock.json holds ${locked[name] ?? '(nothing)'}: npm ci refuses that. Run npm install --package-lock-only and commit package-lock.json.`),
  ]
}

function packageProblems(each: LockedPackage): string[] {
  const { name, version, path, entry } = each
  const what = `${path} (${name} ${version || 'without a version'})`
  if (entry.link) return [`${what} is a link to a folder, not a package of the registry. Depend on a published version.`]
  const problems: string[] = []
  if (entry.resolved !== undefined && !entry.resolved.startsWith(registry)) problems.push(`${what} comes from ${originOf(entry.resolved)} and not from the registry: nobody but its owner says what is there tomorrow. ${again}`)
  if (semver.valid(version) === null) problems.push(`${what} has no version of its own, so no advisory can be held against it. ${again}`)
  if (!entry.inBundle && !/(^|\s)sha512-[A-Za-z0-9+/]{86}==/.test(entry.integrity ?? '')) problems.push(`${what} has no SHA-512 in package-lock.json: npm would install whatever it is handed. ${again}`)
  if (entry.hasInstallScript && !installScripts[name]) problems.push(`${what} wants to run a program when it is installed, and .npmrc lets none run. See what it does; if it can be left out, say so in tools/supply/allowances.ts.`)
  return problems
}

/** Where something is from, without what may be secret in an address: user, password and query. */
function originOf(resolved: string): string {
  if (!URL.canParse(resolved)) return 'a folder or an unknown place'
  const { protocol, host, pathname } = new URL(resolved)
  return `${protocol}//${host}${pathname}`
}
