#!/usr/bin/env node
// `npm start`: prepares a fresh clone, then runs Hypernetes until Ctrl-C or SIGTERM. Plain JavaScript on Node's own
// modules, because a fresh clone has no node_modules.
import { watchBundles } from './setup/bundles.mjs'
import { readGuestImage } from './setup/guest-image.mjs'
import { root } from './setup/paths.mjs'
import { prepare } from './setup/prepare.mjs'
import { versionOfBuild } from './setup/stamps.mjs'

const usage = `npm start [-- OPTION…]
  --no-host      the console and the control plane, without a hypervisor host on this machine
  --dev          reload on change (also: npm run dev)
  --build-only   prepare everything, start nothing
  --upgrade      take the place of the installation that runs on the same data folder; its pods run on`

const args = process.argv.slice(2)
const known = ['--no-host', '--dev', '--build-only', '--upgrade']
const unknown = args.find((arg) => !known.includes(arg))
if (unknown) {
  console.error(unknown === '--help' ? usage : `unknown option ${unknown}\n${usage}`)
  process.exit(unknown === '--help' ? 0 : 2)
}
const dev = args.includes('--dev')
const host = !args.includes('--no-host')

try {
  await prepare({ host, console: !dev })
  if (!args.includes('--build-only')) {
    const { main } = await import('../dist/supervisor.mjs')
    const watch = dev ? watchBundles : undefined
    process.exitCode = await main({ root, version: versionOfBuild(), host, dev, upgrade: args.includes('--upgrade'), guest: host ? readGuestImage() : undefined, watch })
  }
} catch (error) {
  console.error(process.env.HYPERNETES_LOG_LEVEL === 'debug' ? error : `\n${error.message}`)
  process.exitCode = 1
}
