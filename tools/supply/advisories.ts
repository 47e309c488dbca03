import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import semver from 'semver'
import { z } from 'zod'
import type { LockedPackage } from './lockfile'

export const severities = ['low', 'moderate', 'high', 'critical'] as const
const date = z.string().regex(/^\d{4}-\d{2}-\d{2}$/)
const id = z.string().regex(/^GHSA(-[23456789cfghjmpqrvwx]{4}){3}$/)

/**
 * As GitHub's advisories tell it: `vulnerable` is a range of npm's semver; `fixed` the first version that is not vulnerable,
 * in the newest of its lines, null where none is; `sources` where this can be read. What cannot be read anywhere is not in the list.
 */
export const advisorySchema = z.strictObject({
  id,
  package: z.string(),
  severity: z.enum(severities),
  title: z.string(),
  vulnerable: z.string().refine((range) => semver.validRange(range) !== null, 'is no range of semver'),
  fixed: z.string().refine((version) => semver.valid(version) !== null, 'is no version').nullable(),
  sources: z.array(z.url()).min(1),
})
export type Advisory = z.infer<typeof advisorySchema>

/** tools/supply/advisories.json: what is known, as of which day and from where. */
export const advisoryListSchema = z.strictObject({ source: z.string(), date, advisories: z.array(advisorySchema) })
export type AdvisoryList = z.infer<typeof advisoryListSchema>

/** tools/supply/exceptions.json: an advisory that is borne until a day, since it does not reach us. */
const exceptionSchema = z.strictObject({ id, package: z.string(), until: date, reason: z.string().min(20) })
export type AdvisoryException = z.infer<typeof exceptionSchema>

export const advisoriesFile = (root: string): string => join(root, 'tools/supply/advisories.json')
export const readAdvisories = (root: string): AdvisoryList => advisoryListSchema.parse(JSON.parse(readFileSync(advisoriesFile(root), 'utf8')))
export const readExceptions = (root: string): AdvisoryException[] => z.array(exceptionSchema).parse(JSON.parse(readFileSync(join(root, 'tools/supply/exceptions.json'), 'utf8')))

/** An advisory that fits a locked version; `borne`: the exception that holds on this day. */
export type Match = { locked: LockedPackage; advisory: Advisory; borne: AdvisoryException | undefined }

/** Every locked version that an advisory names. Versions before a release count too: they are what a range ends at. */
export function matches(packages: readonly LockedPackage[], { advisories }: AdvisoryList, exceptions: readonly AdvisoryException[], today: string): Match[] {
  const borne = ({ id, package: name }: Advisory) => exceptions.find((each) => each.id === id && each.package === name && each.until >= today)
  return packages.flatMap((locked) =>
    advisories
      .filter((advisory) => advisory.package === locked.name && semver.satisfies(locked.version, advisory.vulnerable, { includePrerelease: true }))
      .map((advisory) => ({ locked, advisory, borne: borne(advisory) })),
  )
}

const isGrave = ({ advisory }: Match) => advisory.severity === 'high' || advisory.severity === 'critical'
const told = ({ locked, advisory }: Match) => `${locked.path} (${locked.name} ${locked.version}): ${advisory.id}, ${advisory.severity}, ${advisory.title}`

/** What fails the check: grave advisories that nobody bears, and exceptions that have ended or fit nothing any more. */
export function advisoryProblems(found: readonly Match[], exceptions: readonly AdvisoryException[], today: string): string[] {
  const grave = found.filter((match) => isGrave(match) && !match.borne)
  const ended = exceptions.filter(({ until }) => until < today)
  const idle = exceptions.filter((each) => each.until >= today && !found.some(({ borne }) => borne === each))
  return [
    ...grave.map((match) => `${told(match)}. ${match.advisory.fixed ? `Take ${match.advisory.fixed} or newer` : 'No version mends it: use another package'}, or bear it until a day and with a reason in tools/supply/exceptions.json.`),
    ...ended.map(({ id, package: name, until }) => `The exception for ${id} (${name}) ended on ${until}. Take a version that mends it, or look at the reason again and name a later day in tools/supply/exceptions.json.`),
    ...idle.map(({ id, package: name }) => `The exception for ${id} (${name}) fits no locked version. Remove it from tools/supply/exceptions.json.`),
  ]
}

/** What is known and does not fail the check: of low and moderate severity, or borne. */
export const advisoryNotes = (found: readonly Match[]): string[] => found.filter((match) => !isGrave(match) || match.borne).map((match) => `${told(match)}${match.borne ? `; borne until ${match.borne.until}: ${match.borne.reason}` : ''}`)

/** Days since the list was made. */
export const ageInDays = ({ date: made }: AdvisoryList, today: string): number => Math.round((Date.parse(today) - Date.parse(made)) / 86_400_000)
