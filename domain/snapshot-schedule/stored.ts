import { snapshotScheduleSpec, type SnapshotScheduleSpec } from './spec'

/** What is told of one schedule at most, of all that cannot be read. */
const toldProblems = 3

/**
 * A schedule's spec as it is stored, or why this version cannot read it: a newer one wrote it, or its time zone is none that is known here.
 * @param stored as the database has it
 */
export function readStoredSchedule(stored: unknown): { spec: SnapshotScheduleSpec; problem: null } | { spec: null; problem: string } {
  const { data, error } = snapshotScheduleSpec.safeParse(stored)
  if (data) return { spec: data, problem: null }
  const said = error.issues.map(({ path, message }) => `${['spec', ...path].join('.')}: ${message}`)
  return { spec: null, problem: `${said.slice(0, toldProblems).join('; ')}${said.length > toldProblems ? `; and ${said.length - toldProblems} more` : ''}`.slice(0, 1000) }
}

/** What is told of a schedule that cannot be read: why, what becomes of it meanwhile, and what helps. */
export const unreadableWords = (name: string, problem: string): string =>
  `The schedule "${name}" cannot be read by this version of Hypernetes (${problem}). It takes and deletes nothing meanwhile, and what it has taken stays. Go on with the version that wrote it, write it anew with what this one knows (its YAML shows what stands in it), or delete it.`
