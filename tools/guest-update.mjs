#!/usr/bin/env node
// `npm run guest:update`: makes a guest image of the newest Debian packages. Hosts that run take it up by themselves.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { hostPackages } from './packages.mjs'
import { withLock } from './process/file-lock.mjs'
import { installPackages } from './setup/debian.mjs'
import { changesTable, guestImageFile, readGuestImage, updateGuestImage } from './setup/guest-image.mjs'
import { checkNode } from './setup/node-version.mjs'
import { installNpmPackages } from './setup/npm.mjs'
import { dist } from './setup/paths.mjs'
import { step } from './setup/step.mjs'

const usage = `npm run guest:update [-- OPTION]
  --force   make the image again where nothing is newer, and take what the mirror has where it is older`

const before = () => {
  try {
    return readGuestImage().version
  } catch {
    return undefined
  }
}

const args = process.argv.slice(2)
if (args.some((arg) => arg !== '--force')) {
  console.error(usage)
  process.exit(args.includes('--help') ? 0 : 2)
}
const force = args.includes('--force')

try {
  checkNode()
  await installPackages(hostPackages)
  await installNpmPackages()
  mkdirSync(join(dist, 'guest'), { recursive: true })
  const onWait = (pid) => console.log(`· waiting for process ${pid}, which prepares the same checkout`)
  await withLock(join(dist, 'setup.lock'), async () => {
    const old = before()
    const { image, changes } = await step('make a guest image of the newest Debian packages', () => updateGuestImage({ force }))
    if (changes.length > 0) console.log(changesTable(changes))
    if (!image) console.log(`No Debian package of the guest is newer: the image stays ${old ?? 'what it is'}.`)
    else if (image.version === old) console.log(`The guest image was made again and is the same: ${old}.`)
    else {
      console.log(`The guest image is ${image.version}${old ? `, before it was ${old}` : ''}. Its packages: ${image.sbom}`)
      console.log('A host that runs tries it, makes new templates of it and starts new pods from them; pods that run move over at their next start.')
    }
  }, { waitMs: 3_600_000, onWait })
} catch (error) {
  console.error(`\n${error.message}\nNothing was changed: the guest image in use stays what ${guestImageFile} names.`)
  process.exitCode = 1
}
