import type { z } from 'zod'
import type { Problem } from '../shared/errors'
import { formatPath } from './source'

export type Path = (string | number)[]
export type Collect = (path: Path, message: string) => void

/** More problems than so many of one document help nobody, and each costs a look-up of its line. */
const maxProblems = 100

/** Collects problems with their paths and lines, the first hundred. */
export function problemCollector(lineOf: (path: Path) => number | null = () => null): { problems: Problem[]; collect: Collect } {
  const problems: Problem[] = []
  return {
    problems,
    collect: (path, message) => {
      if (problems.length < maxProblems) problems.push({ path: formatPath(path), line: lineOf(path), message })
    },
  }
}

/** Checks a value against a schema below `path`; unknown fields are named one by one. Returns null when there was a problem. */
export function check<S extends z.ZodType>(schema: S, value: unknown, path: Path, collect: Collect): z.output<S> | null {
  const result = schema.safeParse(value, { reportInput: true })
  if (result.success) return result.data
  for (const issue of result.error.issues) {
    const at = [...path, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))]
    if (issue.code === 'unrecognized_keys') for (const key of issue.keys) collect([...at, key], 'is not a field of Kubernetes\' or Hypernetes\' API: check its spelling')
    else if (issue.code === 'invalid_key') collect(at, issue.issues[0]?.message ?? issue.message)
    else if (issue.code === 'invalid_type' && issue.input === undefined) collect(at, 'is required')
    else collect(at, sentence(issue))
  }
  return null
}

/** zod's own sentences name no field; ours start with "must". */
function sentence(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') return issue.message.startsWith('Invalid input') ? `must be ${article(issue.expected)}` : issue.message
  return issue.message
}

const article = (type: string) => ({ object: 'a map', record: 'a map', array: 'a list', string: 'a string: quote it', number: 'a number', boolean: 'true or false' })[type] ?? `of type ${type}`
