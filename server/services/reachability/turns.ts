import { DomainError } from '@/domain/shared/errors'

/** So many questions of one tenant wait for the one that is being answered. */
const maxWaiting = 20

/** Work that takes the process for itself: of each tenant one at a time, so that nobody's questions stand in the way of another's. */
export class Turns {
  private readonly lines = new Map<string, { last: Promise<unknown>; waiting: number }>()

  /** Does it once the tenant's questions before it are answered, or refuses where too many wait. */
  async take<T>(tenantId: string, work: () => Promise<T>): Promise<T> {
    const line = this.lines.get(tenantId) ?? { last: Promise.resolve(), waiting: 0 }
    if (line.waiting > maxWaiting) throw new DomainError('rate_limited', `${maxWaiting} questions of networks, groups and policies wait for an answer already: ask again in some seconds.`)
    this.lines.set(tenantId, line)
    line.waiting += 1
    const before = line.last
    const answer = before.then(work)
    line.last = answer.catch(() => {})
    try {
      return await answer
    } finally {
      line.waiting -= 1
      if (line.waiting === 0) this.lines.delete(tenantId)
    }
  }
}

/** Of this process. */
export const networkQuestions = new Turns()
