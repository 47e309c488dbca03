import { appendFileSync } from 'node:fs'

/** Names the file in which a run of tests keeps the groups that it makes. */
export const groupsFile = 'HYPERNETES_TEST_GROUPS'

/** Notes a control group of a test, so that it goes with the run even where the test was killed. Outside of such a run it does nothing. */
export function noteGroup(name: string): void {
  const file = process.env[groupsFile]
  if (file !== undefined) appendFileSync(file, `${name}\n`)
}
