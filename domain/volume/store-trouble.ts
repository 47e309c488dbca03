import type { VolumeStoreSpec } from '../volume-store/spec'

const told = 'It is tried again; if it goes on, tell the operator the volume’s uid.'
/**
 * What a tenant is told where a store fails, by its reason: cause and next action, and nothing of where the store is or how it is reached. What the store itself said is the operator's: the host's log has it, and the
 * store's page what hosts say of all of it.
 */
const words: Readonly<Record<string, string>> = {
  NotFound: `Something of it is not in its store. ${told} Do not delete it meanwhile; new volumes can be made of its snapshots.`,
  Conflict: `Something else in its store works on it or depends on it. ${told}`,
  Stale: 'It belongs to another owner by now: this host opens nothing of it, and is told so by itself.',
  NoSpace: 'Its store has no room left. Delete volumes or snapshots that are not needed, or ask the operator for a larger store; it is tried again by itself.',
  Unreachable: `Its store does not answer, or does not do what is asked of it. Nothing is lost. ${told}`,
  TooManySnapshots: 'It has as many snapshots as its store takes of one volume. Delete some that are not needed.',
  Damaged: 'What its store has of it cannot be read. Do not delete it: tell the operator its uid. New volumes can be made of its snapshots meanwhile.',
  NotFenced: `Whoever had it before could not be shut out yet, and nobody else opens it until then: two writers would destroy what is on it. ${told}`,
}

/** A host says any reason: what all objects have is none of these. */
const wordsOf = (reason: string): string | undefined => (Object.hasOwn(words, reason) ? words[reason] : undefined)

/** In place of what a store said. */
export const storeTrouble = (reason: string): string => wordsOf(reason) ?? `Its store did not do what was asked of it. ${told}`

/** Of an address with its port, or a subnet: the whole, and the address alone. */
const addresses = (text: string): string[] => [text, text.replace(/:\d+$|\/\d+$/, '').replace(/^\[(.*)\]$/, '$1')]

/** What names the store itself, which tenants have no use for. */
const placeOf = (spec: VolumeStoreSpec): string[] => (spec.kind === 'file' ? (spec.folder === undefined ? [] : [spec.folder]) : [spec.pool, spec.user, ...spec.monitors.flatMap(addresses), ...spec.networks.flatMap(addresses)])

const isWordIn = (text: string, word: string): boolean => new RegExp(`(?<![\\w])${word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\w])`).test(text)

/** What a host says of a volume, as its tenant reads it: agents of earlier versions pass on what a store said. */
export function tenantWords({ reason, message }: { reason: string; message: string }, store: VolumeStoreSpec): string {
  return wordsOf(reason) !== undefined && placeOf(store).some((word) => isWordIn(message, word)) ? storeTrouble(reason) : message
}
