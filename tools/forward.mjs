#!/usr/bin/env node
// `npm run forward -- --url … --tenant … NAMESPACE/POD LOCAL:REMOTE…`: has ports of a pod on this machine's loopback,
// until Ctrl-C. The API token comes from HYPERNETES_TOKEN.
import { parseArgs } from 'node:util'
import { forward, portsOf } from './reach/forwarder.mjs'
import { CommandError, installationOf, podOf, runCommand } from './reach/installation.mjs'

const usage = 'npm run forward -- --url URL --tenant TENANT [NAMESPACE/]POD [LOCAL:]REMOTE…    (token in HYPERNETES_TOKEN)'

await runCommand(usage, async () => {
  const { values, positionals } = parseArgs({ options: { url: { type: 'string' }, tenant: { type: 'string' }, help: { type: 'boolean' } }, allowPositionals: true })
  if (values.help) return console.log(usage)
  const [podText, ...portTexts] = positionals
  if (podText === undefined || portTexts.length === 0) throw new CommandError(`Name a pod and at least one port.\n\n${usage}`)
  const installation = installationOf(values)
  const pod = podOf(podText)
  const servers = []
  for (const ports of portTexts.map(portsOf)) {
    const server = await forward(installation, pod, ports, (problem) => console.error(problem)).catch((error) => {
      for (const each of servers) each.close()
      throw error
    })
    servers.push(server)
    console.log(`127.0.0.1:${server.address().port} is port ${ports.remote} of ${pod.namespace}/${pod.name}`)
  }
  console.log('Ctrl-C ends it.')
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(0))
})
