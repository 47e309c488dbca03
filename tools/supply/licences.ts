import { licenceAllowances, permitted, permittedInDevelopment } from './allowances'
import type { LockedPackage } from './lockfile'

/** A licence as SPDX writes it: one id, or several that all hold (AND) or of which one may be chosen (OR). */
type Expression = { id: string } | { operator: 'AND' | 'OR'; parts: Expression[] }

/** Reads an SPDX expression, in which AND binds more than OR; null for what is none. */
export function parseExpression(text: string): Expression | null {
  const tokens = text.match(/[()]|[^\s()]+/g) ?? []
  let at = 0
  const chain = (operator: 'AND' | 'OR', next: () => Expression | null): Expression | null => {
    const first = next()
    const parts = first ? [first] : []
    while (first && tokens[at]?.toUpperCase() === operator) {
      at++
      const part = next()
      if (!part) return null
      parts.push(part)
    }
    return parts.length > 1 ? { operator, parts } : (first ?? null)
  }
  const single = (): Expression | null => {
    const token = tokens[at++]
    if (token === '(') {
      const inner = any()
      return tokens[at++] === ')' ? inner : null
    }
    return token !== undefined && /^[A-Za-z0-9][A-Za-z0-9.+-]*$/.test(token) && !/^(AND|OR|WITH)$/i.test(token) ? { id: token } : null
  }
  const all = () => chain('AND', single)
  const any = (): Expression | null => chain('OR', all)
  const whole = any()
  return whole && at === tokens.length ? whole : null
}

/** Whether one may take the package under these licences: all of those that hold together, one of those to choose from. */
export function isPermitted(expression: Expression, licences: ReadonlySet<string>): boolean {
  if ('id' in expression) return licences.has(expression.id)
  return expression.operator === 'AND' ? expression.parts.every((part) => isPermitted(part, licences)) : expression.parts.some((part) => isPermitted(part, licences))
}

/** The licence as the lock names it. */
export const licenceOf = ({ entry }: LockedPackage): string => entry.license?.trim() || 'none named'

const allowanceOf = (each: LockedPackage) => licenceAllowances.find(({ name, licence }) => name.test(each.name) && (licence === each.entry.license || !each.entry.license))

/** Packages that may not be used under what they say, each with cause and what to do. */
export function licenceProblems(packages: readonly LockedPackage[]): string[] {
  return packages.flatMap((each) => {
    if (allowanceOf(each)) return []
    const licences = each.development ? permittedInDevelopment : permitted
    const expression = parseExpression(each.entry.license ?? '')
    if (expression && isPermitted(expression, licences)) return []
    const cause = !each.entry.license ? 'names no licence, so nobody may use it' : expression ? `is under ${each.entry.license}, which ${each.development ? 'is not permitted' : 'may not be shipped with the product'}` : `names a licence that SPDX does not know: "${each.entry.license}"`
    return [`${each.path} (${each.name} ${each.version}) ${cause}. Use another package, or write down in tools/supply/allowances.ts why it may be used.`]
  })
}
