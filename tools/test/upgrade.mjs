import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { npmProgram, root } from '../setup/paths.mjs'
import { ownSettings, startInstallation, withLastWarnings } from './installation.mjs'
import { check, execute, suite } from './outcome.mjs'

const NAME = 'an upgrade from the previous commit, under running pods'
const BUILD_LIMIT_MS = 600_000

/**
 * Builds the previous commit beside this checkout, runs an installation of it, and has e2e/upgrade.spec.ts put this checkout's
 * build in its place. Skipped, with the reason, where there is no previous commit.
 */
export async function runUpgrade() {
  const from = process.env.HYPERNETES_UPGRADE_FROM ?? 'HEAD^'
  const commit = spawnSync('git', ['rev-parse', '--verify', '--quiet', `${from}^{commit}`], { cwd: root, encoding: 'utf8' })
  if (commit.status !== 0) {
    console.log(`· ${NAME}: skipped, for this clone holds no commit ${from} (a shallow clone: git fetch --deepen 1 gets it)`)
    return [{ name: NAME, passed: 0, failed: 0, skipped: 1, seconds: 0 }]
  }
  const folder = mkdtempSync('/var/tmp/hypernetes-previous-')
  const own = await ownSettings('upgrade')
  try {
    const built = await check(`the build of ${from}, ${commit.stdout.slice(0, 12)}`, () => buildPrevious(commit.stdout.trim(), folder))
    if (built.failed > 0) return [built]
    const previous = await startInstallation(own.settings, { logFile: own.logFile, checkout: folder })
    try {
      const env = { ...own.env, HYPERNETES_E2E_UPGRADE: JSON.stringify(own.settings) }
      const outcome = await suite(NAME, [npmProgram('playwright'), 'test', '--output=test-results/upgrade', '--project=upgrade'], { env })
      return [built, withLastWarnings(outcome, own.logFile)]
    } finally {
      await previous.stop()
    }
  } finally {
    own.remove()
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * The commit's files with what this checkout has built already: each part is built anew whose inputs differ (tools/setup/stamps.mjs).
 * npm packages are linked where the lockfile is the same, else installed.
 */
function buildPrevious(commit, folder) {
  chmodSync(folder, 0o755)
  const archive = execFileSync('git', ['archive', '--format=tar', commit], { cwd: root, maxBuffer: 1 << 30 })
  execFileSync('tar', ['-x', '-C', folder], { input: archive })
  const lock = (checkout) => readFileSync(join(checkout, 'package-lock.json'), 'utf8')
  // Copies: what is built into must not be shared. Links where nothing is written to what is there.
  if (lock(folder) === lock(root)) execFileSync('cp', ['-a', '--link', join(root, 'node_modules'), join(folder, 'node_modules')])
  for (const part of ['dist', 'generated', '.next']) {
    if (existsSync(join(root, part))) cpSync(join(root, part), join(folder, part), { recursive: true, verbatimSymlinks: true, filter: (path) => !/\/(\.next\/(cache|dev)|dist\/setup\.lock)$/.test(path) })
  }
  return execute([process.execPath, join(folder, 'tools/start.mjs'), '--build-only'], { capture: true, limitMs: BUILD_LIMIT_MS })
}
