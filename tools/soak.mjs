#!/usr/bin/env node
// `npm run soak`: starts an installation of its own and runs e2e/soak/main.ts against it: pods that come and go while
// every process is killed.
import { prepare } from './setup/prepare.mjs'
import { startOwnInstallation } from './test/installation.mjs'
import { execute } from './test/outcome.mjs'

const LIMIT_MS = 4 * 3_600_000

try {
  await prepare({ host: true, tests: true })
  const installation = await startOwnInstallation('soak')
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void installation.stop().then(() => process.exit(1)))
  try {
    const { ok } = await execute([process.execPath, '--import', 'tsx', 'e2e/soak/main.ts', ...process.argv.slice(2)], { env: installation.env, limitMs: LIMIT_MS })
    process.exitCode = ok ? 0 : 1
    if (!ok) console.error(`the installation's log: ${installation.logFile}`)
  } finally {
    await installation.stop()
  }
} catch (error) {
  console.error(`\n${error.message}`)
  process.exitCode = 1
}
