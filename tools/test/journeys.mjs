import { npmProgram } from '../setup/paths.mjs'
import { startOwnInstallation } from './installation.mjs'
import { suite } from './outcome.mjs'

/**
 * Starts an installation of its own, runs the browser's journeys against it and stops it.
 * @param {string[]} files only these
 */
export async function runJourneys(files = []) {
  const { env, logFile, stop } = await startOwnInstallation('e2e')
  try {
    const outcome = await suite('e2e: the browser on a running installation', [npmProgram('playwright'), 'test', '--output=test-results/journeys', ...files], { env, limitMs: 1_200_000 })
    if (outcome.failed > 0) console.log(`\nThe installation's log: ${logFile}`)
    return outcome
  } finally {
    await stop()
  }
}
