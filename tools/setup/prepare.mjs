import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { benchPackages, hostPackages, testPackages } from '../packages.mjs'
import { withLock } from '../process/file-lock.mjs'
import { buildBundles, bundles } from './bundles.mjs'
import { installPackages } from './debian.mjs'
import { buildGuestImage } from './guest-image.mjs'
import { checkNode } from './node-version.mjs'
import { installNpmPackages } from './npm.mjs'
import { dist, npmProgram, root } from './paths.mjs'
import { whenChanged } from './stamps.mjs'
import { run, step } from './step.mjs'

const locked = ['package-lock.json', 'tsconfig.json']
const server = ['server', 'domain', 'contracts', 'platform', 'prisma/schema']

/**
 * Brings a checkout to where its processes can run: Debian's packages, npm's, the database client, the bundles, the
 * console, the guest image. Each part is skipped when nothing it is made from has changed.
 * @param {{ host: boolean, tests?: boolean, bench?: boolean, console?: boolean }} options `host`: also what VMs need; `tests`: also a
 * browser and a registry; `bench`: also what measures; `console`: false leaves the production build of the pages out (development)
 */
export async function prepare({ host, tests = false, bench = false, console: pages = true }) {
  checkNode()
  mkdirSync(dist, { recursive: true })
  const waiting = (pid) => console.log(`· waiting for process ${pid}, which prepares the same checkout`)
  await withLock(join(dist, 'setup.lock'), () => prepareAlone({ host, tests, bench, pages }), { waitMs: 3_600_000, onWait: waiting })
}

async function prepareAlone({ host, tests, bench, pages }) {
  await installPackages([...(host ? hostPackages : []), ...(tests ? testPackages : []), ...(bench ? benchPackages : [])])
  await installNpmPackages()
  await whenChanged('database client', { inputs: [...locked, 'prisma/schema', 'prisma.config.ts'], outputs: ['generated/prisma/client.ts'] }, () =>
    step('generate the database client', () => run(npmProgram('prisma'), ['generate'], { cwd: root }).then(() => {})),
  )
  const outputs = Object.keys(bundles).map((name) => `dist/${name}.mjs`)
  await whenChanged('bundles', { inputs: [...locked, ...server, 'host', 'tools'], outputs }, () => step('bundle the processes', buildBundles))
  if (pages) await buildConsole()
  if (host) {
    const inputs = [...locked, 'guest', 'contracts/guest', 'platform/exec.ts']
    await whenChanged('guest image', { inputs, outputs: ['dist/guest/image.json'] }, () => step('make the guest image', buildGuestImage))
  }
}

async function buildConsole() {
  const inputs = [...locked, ...server, 'app', 'components', 'public', 'next.config.js', 'postcss.config.mjs']
  const env = { ...process.env, NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' }
  await whenChanged('console', { inputs, outputs: ['.next/BUILD_ID'] }, () =>
    step('build the console', () => run(npmProgram('next'), ['build'], { cwd: root, env }).then(() => {})),
  )
}
