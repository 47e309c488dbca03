import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from '@/tools/setup/paths.mjs'
import { advisoryNotes, advisoryProblems, ageInDays, matches, readAdvisories, readExceptions } from './advisories'
import { billOfMaterials } from './bill'
import { licenceProblems } from './licences'
import { lockProblems } from './lock-rules'
import { packagesOf, readLockfile, readManifest } from './lockfile'
import { refresh } from './refresh'
import { licenceCounts, licenceTable, notices } from './report'
import { trackedProblems } from './tracked-files'

/** After this many days the list of advisories is told to be old. It does not fail a check by time alone. */
const OLD_DAYS = 60

const { values } = parseArgs({ options: { refresh: { type: 'boolean' }, check: { type: 'boolean' } } })
const today = new Date().toISOString().slice(0, 10)
const lock = readLockfile(root)
const packages = packagesOf(lock)
const exceptions = readExceptions(root)

/** Writes the table, the notices and the bill of materials of npm's side into dist/supply. */
function writeDocuments(): string {
  const folder = join(root, 'dist', 'supply')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'licences.txt'), `${licenceTable(packages)}\n`)
  writeFileSync(join(folder, 'notices.txt'), notices(root, packages))
  writeFileSync(join(folder, 'npm.cdx.json'), billOfMaterials({ name: 'hypernetes', version: lock.packages['']?.version ?? '0.0.0' }, packages))
  return folder
}

function supply(): number {
  const advisories = values.refresh ? refresh(root, readAdvisories(root), today) : readAdvisories(root)
  const found = matches(packages, advisories, exceptions, today)
  const problems = [
    ...lockProblems(lock, readManifest(root), readFileSync(join(root, '.npmrc'), 'utf8')),
    ...licenceProblems(packages),
    ...advisoryProblems(found, exceptions, today),
    ...trackedProblems(root),
  ]
  if (!values.check) {
    const folder = writeDocuments()
    console.log(`${licenceTable(packages)}\n\n${packages.length} packages\n${licenceCounts(packages)}`)
    console.log(`\nThis table, the notices of what is shipped and the bill of materials (CycloneDX) are in ${folder}.`)
  }
  const age = ageInDays(advisories, today)
  console.log(`\n${advisories.advisories.length} advisories of ${advisories.date}, from ${advisories.source}${age > OLD_DAYS ? `. They are ${age} days old: npm run supply -- --refresh` : ''}`)
  for (const note of advisoryNotes(found)) console.log(`! ${note}`)
  for (const problem of problems) console.log(`✗ ${problem}`)
  console.log(`${problems.length} problems`)
  return problems.length > 0 ? 1 : 0
}

try {
  process.exitCode = supply()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
