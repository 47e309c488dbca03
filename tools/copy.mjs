#!/usr/bin/env node
// `npm run copy -- --url … --tenant … [--container NAME] NAMESPACE/POD:/path LOCAL` and the other way round: copies files and
// whole folders. The API token comes from HYPERNETES_TOKEN.
import { parseArgs } from 'node:util'
import { copyIn, copyOut, endsOf } from './reach/copier.mjs'
import { CommandError, installationOf, runCommand } from './reach/installation.mjs'

const usage = `npm run copy -- --url URL --tenant TENANT [--container NAME] [NAMESPACE/]POD:/path LOCAL
npm run copy -- --url URL --tenant TENANT [--container NAME] LOCAL [NAMESPACE/]POD:/path    (token in HYPERNETES_TOKEN)`

await runCommand(usage, async () => {
  const { values, positionals } = parseArgs({ options: { url: { type: 'string' }, tenant: { type: 'string' }, container: { type: 'string', short: 'c' }, help: { type: 'boolean' } }, allowPositionals: true })
  if (values.help) return console.log(usage)
  const [from, to, ...more] = positionals
  if (from === undefined || to === undefined || more.length > 0) throw new CommandError(`Name what to copy and where to.\n\n${usage}`)
  // npm runs this in the checkout; paths are meant from where the person is.
  if (process.env.INIT_CWD) process.chdir(process.env.INIT_CWD)
  const installation = installationOf(values)
  const { direction, ...ends } = endsOf(from, to)
  const asked = { ...ends, container: values.container }
  const target = direction === 'out' ? await copyOut(installation, asked, (problem) => console.error(problem)) : await copyIn(installation, asked)
  console.log(`Copied to ${direction === 'out' ? target : `${ends.pod.namespace}/${ends.pod.name}:${target}`}`)
})
