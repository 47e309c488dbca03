#!/usr/bin/env node
// `npm run doctor`: says what keeps Hypernetes from running well on this machine, and what to do. It installs no
// Debian package and changes nothing outside of the checkout.
import { cephPackages, hostPackages, testPackages } from './packages.mjs'
import { buildBundles } from './setup/bundles.mjs'
import { missingPackages } from './setup/debian.mjs'
import { checkNode } from './setup/node-version.mjs'
import { installNpmPackages } from './setup/npm.mjs'

const subject = 'Debian packages'

function packageFindings() {
  const host = missingPackages(hostPackages).map((entry) => entry.name)
  const ceph = missingPackages(cephPackages).map((entry) => entry.name)
  const tests = missingPackages(testPackages).map((entry) => entry.name).filter((name) => !ceph.includes(name))
  const findings = []
  if (host.length > 0) findings.push({ subject, state: 'problem', found: `${host.join(', ')} missing`, advice: `npm start installs them, or: apt-get install ${host.join(' ')}` })
  if (tests.length > 0) findings.push({ subject, state: 'warning', found: `${tests.join(', ')} missing`, advice: 'npm test installs them; nothing else needs them.' })
  if (ceph.length > 0) findings.push({ subject: 'volumes in Ceph', state: 'ok', found: `this host opens none: ${ceph.join(', ')} missing`, advice: `A host needs them only where a store of volumes is of kind rbd: apt-get install ${ceph.join(' ')}` })
  return findings.length > 0 ? findings : [{ subject, state: 'ok', found: 'all there' }]
}

try {
  checkNode()
  const node = { subject: 'Node', state: 'ok', found: process.versions.node }
  await installNpmPackages()
  await buildBundles(['doctor'])
  const { main } = await import('../dist/doctor.mjs')
  process.exitCode = await main([node, ...packageFindings()])
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
