import type { Labels } from './names'

export type Requirement = { key: string; operator: 'in' | 'notin' | 'exists' | 'absent'; values: string[] }

/**
 * Parses Kubernetes' label selector text: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`, joined by commas.
 * Returns null when the text is none.
 */
export function parseLabelSelector(text: string): Requirement[] | null {
  const terms = text.match(/(?:[^,(]|\([^)]*\))+/g) ?? []
  const requirements: Requirement[] = []
  for (const term of terms) {
    const requirement = parseTerm(term.trim())
    if (!requirement) return null
    requirements.push(requirement)
  }
  return requirements
}

const key = '[A-Za-z0-9][-A-Za-z0-9_./]*'
const value = '[-A-Za-z0-9_.]*'

function parseTerm(term: string): Requirement | null {
  const equality = new RegExp(`^(${key})\\s*(==|=|!=)\\s*(${value})$`).exec(term)
  if (equality) return { key: equality[1]!, operator: equality[2] === '!=' ? 'notin' : 'in', values: [equality[3]!] }
  const set = new RegExp(`^(${key})\\s+(in|notin)\\s+\\(([^)]*)\\)$`).exec(term)
  if (set) return { key: set[1]!, operator: set[2] === 'in' ? 'in' : 'notin', values: set[3]!.split(',').map((v) => v.trim()) }
  const existence = new RegExp(`^(!?)\\s*(${key})$`).exec(term)
  if (existence) return { key: existence[2]!, operator: existence[1] ? 'absent' : 'exists', values: [] }
  return null
}

/** Kubernetes' semantics: `notin` and `!=` also match objects that lack the key. */
export function matchesSelector(requirements: Requirement[], labels: Labels): boolean {
  return requirements.every(({ key, operator, values }) => {
    const value = labels[key]
    if (operator === 'exists') return value !== undefined
    if (operator === 'absent') return value === undefined
    if (operator === 'in') return value !== undefined && values.includes(value)
    return value === undefined || !values.includes(value)
  })
}
