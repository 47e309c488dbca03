import { DomainError } from '@/domain/shared/errors'

/** No input of ours nests deeper than a manifest, which has some twenty levels. */
export const maxInputLevels = 64

/** Refuses an input that nests too deep for what walks it by recursion; throws `invalid_input`. Looks at each value once, without recursion. */
export function refuseDeepInput(input: unknown): void {
  const waiting: [unknown, number][] = [[input, 1]]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [value, level] = next
    if (typeof value !== 'object' || value === null) continue
    if (level > maxInputLevels) throw new DomainError('invalid_input', `The input nests deeper than ${maxInputLevels} levels.`)
    for (const each of Object.values(value)) if (typeof each === 'object') waiting.push([each, level + 1])
  }
}
