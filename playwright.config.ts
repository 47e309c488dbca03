import { defineConfig } from '@playwright/test'
import { browserPath } from './tools/testing/browser'

const baseURL = process.env.HYPERNETES_E2E_URL
if (!baseURL) throw new Error('The journeys need an installation that runs: npm test -- e2e starts one. To use yours, set HYPERNETES_E2E_URL.')

/** Journeys that endure or are large: npm test -- long. */
const long = '**/*.long.spec.ts'
const upgrade = '**/upgrade.spec.ts'

// One worker: the journeys share one machine's processors and one installation.
export default defineConfig({
  testDir: 'e2e',
  workers: 1,
  fullyParallel: false,
  retries: 0,
  // A pod's first start on a machine without KVM takes a while; an expectation waits for its condition, not for this long.
  timeout: 240_000,
  expect: { timeout: 30_000 },
  forbidOnly: true,
  reporter: [['list'], ['./tools/testing/journey-count-reporter.ts']],
  use: {
    baseURL,
    // What cannot be pressed by then never can: without this it would wait for the journey's whole time.
    actionTimeout: 60_000,
    viewport: { width: 1280, height: 800 },
    // A spinner is painted anew sixty times a second, by a processor. Journeys of what moves ask for motion: e2e/fixtures/motion.ts.
    contextOptions: { reducedMotion: 'reduce' },
    // Recording all that a page does takes a fifth of the time: for a journey that fails, add --trace on.
    trace: 'off',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: browserPath(),
      // Chromium's own sandbox refuses to run as root, which the host agent of this test needs to be.
      chromiumSandbox: false,
      args: ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
    },
  },
  projects: [
    { name: 'usual', testIgnore: [long, upgrade] },
    { name: 'long', testMatch: long },
    // It needs an installation of the previous commit: npm test -- upgrade.
    ...(process.env.HYPERNETES_E2E_UPGRADE ? [{ name: 'upgrade', testMatch: upgrade }] : []),
  ],
})
