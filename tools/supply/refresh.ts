import { spawnSync } from 'node:child_process'
import { renameSync, writeFileSync } from 'node:fs'
import semver from 'semver'
import { z } from 'zod'
import { advisoriesFile, advisoryListSchema, severities, type Advisory, type AdvisoryList } from './advisories'

/** What `npm audit --json` tells of a package: an advisory, or the name of a package through which it is reached. */
const auditSchema = z.object({
  vulnerabilities: z.record(z.string(), z.object({ via: z.array(z.union([z.string(), z.object({ name: z.string(), title: z.string(), url: z.string(), severity: z.enum(['info', ...severities]), range: z.string() })])) })),
})

/** The advisories in what `npm audit --json` printed. */
export function advisoriesOf(audit: unknown): Advisory[] {
  const found = new Map<string, Advisory>()
  for (const { via } of Object.values(auditSchema.parse(audit).vulnerabilities)) {
    for (const each of via) {
      const id = typeof each === 'string' ? undefined : /GHSA(?:-[a-z0-9]{4}){3}$/.exec(each.url)?.[0]
      if (typeof each === 'string' || !id) continue
      // One advisory comes once for each line of versions.
      const key = `${each.name} ${id}`
      const ranges = new Set([...(found.get(key)?.vulnerable.split(' || ') ?? []), ...each.range.split(' || ')])
      const vulnerable = [...ranges].join(' || ')
      found.set(key, { id, package: each.name, severity: each.severity === 'info' ? 'low' : each.severity, title: each.title, vulnerable, fixed: firstAfter(vulnerable), sources: [each.url] })
    }
  }
  return [...found.values()]
}

/** The first version behind a range, where its end names one. */
function firstAfter(range: string): string | null {
  const ends = [...range.matchAll(/(?:^|[^<])<\s*(\d[^\s|]*)/g)].flatMap(([, version]) => (version && semver.valid(version) ? [version] : []))
  return ends.sort(semver.rcompare)[0] ?? null
}

/** Advisories that were known stay, so that a version which they name is found when it comes back; newer words replace older ones. */
export function merged(known: AdvisoryList, fresh: readonly Advisory[], today: string, source: string): AdvisoryList {
  const byKey = new Map([...known.advisories, ...fresh].map((each) => [`${each.package} ${each.id} ${fresh.some(({ id }) => id === each.id) ? '' : each.vulnerable}`, each]))
  const advisories = [...byKey.values()].sort((a, b) => a.package.localeCompare(b.package) || a.id.localeCompare(b.id))
  return { source, date: today, advisories }
}

/** Asks the registry for what it knows about the versions of the lock, and writes it into tools/supply/advisories.json. */
export function refresh(root: string, known: AdvisoryList, today: string): AdvisoryList {
  const { stdout, error } = spawnSync('npm', ['audit', '--json', '--package-lock-only'], { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20, timeout: 120_000 })
  if (error) throw new Error(`npm audit cannot be run: ${error.message}`)
  const answer = parsed(stdout)
  const refused = z.object({ message: z.string() }).safeParse(answer)
  if (refused.success) throw new Error(`The registry answered no advisories: ${refused.data.message.replace(/https?:\/\/\S+/g, 'its address')}. The list of ${known.date} stays. Run this where npm reaches a registry that serves /-/npm/v1/security/advisories/bulk, as npm's own does.`)
  const list = advisoryListSchema.parse(merged(known, advisoriesOf(answer), today, `npm audit of the locked versions, with what was known before (${known.source.split(', with what')[0]})`))
  const file = advisoriesFile(root)
  writeFileSync(`${file}.new`, `${JSON.stringify(list, null, 2)}\n`)
  renameSync(`${file}.new`, file)
  return list
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`npm audit printed no JSON: ${text.slice(0, 200)}`)
  }
}
