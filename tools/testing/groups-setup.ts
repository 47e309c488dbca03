import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { groupsOf, removeGroupsOf } from '@/tools/test/control-groups.mjs'
import { groupsFile } from './groups'

/** Removes the control groups that the run's tests made, and says which still have processes. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'hypernetes-test-groups-'))
  const file = join(folder, 'groups')
  writeFileSync(file, '')
  process.env[groupsFile] = file
  return () => {
    const names = new Set(readFileSync(file, 'utf8').split('\n').filter(Boolean))
    for (const name of names) removeGroupsOf(name)
    const left = [...names].flatMap(groupsOf)
    rmSync(folder, { recursive: true, force: true })
    if (left.length > 0) console.warn(`Control groups of tests still have processes in them: ${left.join(', ')}`)
  }
}
