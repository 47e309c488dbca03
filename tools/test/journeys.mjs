import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { npmProgram, root } from '../setup/paths.mjs'
import { startOwnInstallation, withLastWarnings } from './installation.mjs'
import { suite } from './outcome.mjs'

const NAMES = { usual: 'e2e: the browser on a running installation', long: 'long e2e: the browser on a running installation' }

/** Whether a name that was given is of a journey, or of several. @param {string} name */
export const isJourney = (name) => readdirSync(join(root, 'e2e'), { recursive: true }).some((path) => path.endsWith('.spec.ts') && `e2e/${path}`.includes(name))

/**
 * Starts an installation of its own, runs the browser's journeys against it and stops it.
 * @param {string[]} projects of playwright.config.ts: `usual`, `long`
 * @param {string[]} args Playwright's further ones, such as the files that alone are run
 * @param {{ prefix?: string }} [options] `prefix`: before each line of theirs, which come among others'
 */
export async function runJourneys(projects, args = [], { prefix } = {}) {
  const { env, logFile, stop } = await startOwnInstallation('e2e')
  try {
    const outcome = await suite(NAMES[projects[0]], [npmProgram('playwright'), 'test', '--output=test-results/journeys', ...projects.map((project) => `--project=${project}`), ...args], { env, limitMs: 1_800_000, prefix })
    return withLastWarnings(outcome, logFile)
  } finally {
    await stop()
  }
}
