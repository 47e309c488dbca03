import { DomainError } from '@/domain/shared/errors'
import type { VolumeConsequence, VolumePreview } from '@/domain/volume/preview'
import { inTransaction, type Transaction } from '@/server/store/database'
import type { ServerContext } from '../context'

/** Carries an answer out of a transaction that must not commit. */
class Untried extends Error {
  constructor(readonly preview: VolumePreview) {
    super('taken back')
  }
}

type Trial = { /** Of what was looked at. */ resourceVersion: string; consequences: (tx: Transaction) => Promise<VolumeConsequence[]> | VolumeConsequence[]; attempt: (tx: Transaction) => Promise<unknown> }

/** What a verb would do. It is tried, and taken back, so that it is refused for the reasons for which it would be. */
export async function tried({ db }: Pick<ServerContext, 'db'>, { resourceVersion, consequences: find, attempt }: Trial): Promise<VolumePreview> {
  try {
    return await inTransaction(db, async (tx) => {
      const consequences = await find(tx)
      try {
        await attempt(tx)
      } catch (error) {
        if (error instanceof DomainError && error.code !== 'internal' && error.code !== 'not_found') throw new Untried({ resourceVersion, problem: error.message, consequences })
        throw error
      }
      throw new Untried({ resourceVersion, problem: null, consequences })
    }, { repeatable: true })
  } catch (error) {
    if (error instanceof Untried) return error.preview
    throw error
  }
}

export const said = (text: string, danger = false): VolumeConsequence => ({ text, danger })
export const many = (count: number, noun: string): string => (count === 1 ? `1 ${noun}` : `${count.toLocaleString('en')} ${noun}s`)
/** A few by name, the rest by number. */
export const listed = (names: readonly string[]): string => `${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`
