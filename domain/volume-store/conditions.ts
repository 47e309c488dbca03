import { isShared, type VolumeStoreSpec } from './spec'

/** What a host says of a store. `heard`: the host is heard of now, so that its word counts. */
export type StoreWord = { host: string; heard: boolean; reachable: boolean; message: string; totalBytes: number | null; freeBytes: number | null }
export type StoreVerdict = { type: 'Reachable' | 'RoomAvailable'; status: 'True' | 'False' | 'Unknown'; reason: string; message: string }

/** Of a store that is as full as this operators are told; of one beyond the second part next to nothing is left. */
const [nearlyFull, full] = [0.9, 0.98]
const named = 5

/** What of a store operators have to know: which hosts reach it, and whether it has room. Pure: the same of the same words, whoever asks. */
export const storeVerdicts = (spec: VolumeStoreSpec, words: readonly StoreWord[]): StoreVerdict[] => {
  const heard = words.filter((one) => one.heard)
  return [reach(heard), room(spec, heard.filter(({ reachable }) => reachable))]
}

const some = <T>(words: readonly T[], say: (word: T) => string): string => `${words.slice(0, named).map(say).join(', ')}${words.length > named ? ` and ${words.length - named} more` : ''}`

function reach(heard: readonly StoreWord[]): StoreVerdict {
  const type = 'Reachable'
  const away = heard.filter(({ reachable }) => !reachable)
  const why = some(away, ({ host, message }) => `${host}${message ? ` (${message.replace(/\.$/, '')})` : ''}`)
  if (heard.length === 0) return { type, status: 'Unknown', reason: 'NoHostHeard', message: 'No host that is heard of has said whether it reaches it.' }
  if (away.length === 0) return { type, status: 'True', reason: 'Reached', message: heard.length === 1 ? 'The one host that is heard of reaches it.' : `All ${heard.length} hosts that are heard of reach it.` }
  if (away.length === heard.length) return { type, status: 'False', reason: 'NotReached', message: `No host reaches it: ${why}. No volume of it is opened, made or removed meanwhile.` }
  return { type, status: 'True', reason: 'ReachedBySome', message: `${heard.length - away.length} of ${heard.length} hosts reach it, and pods with its volumes run there alone. Not: ${why}.` }
}

/** Of a shared store all hosts say the same; of another each has its own. How many bytes these are changes all the time, and is not said here. */
function room(spec: VolumeStoreSpec, reached: readonly StoreWord[]): StoreVerdict {
  const type = 'RoomAvailable'
  const told = reached.flatMap(({ host, totalBytes, freeBytes }) => (totalBytes !== null && freeBytes !== null ? [{ host, used: totalBytes > 0 ? 1 - freeBytes / totalBytes : 1 }] : []))
  if (told.length === 0) return { type, status: 'Unknown', reason: 'NotKnown', message: 'No host that reaches it has said how much is free.' }
  const tight = told.filter(({ used }) => used >= nearlyFull)
  const on = isShared(spec) ? '' : ` on ${some(tight, ({ host }) => host)}`
  if (tight.length === 0) return { type, status: 'True', reason: 'Room', message: isShared(spec) ? 'More than a tenth of it is free.' : 'More than a tenth is free on each host that reaches it.' }
  const isFull = tight.some(({ used }) => used >= full)
  return { type, status: 'False', reason: isFull ? 'Full' : 'NearlyFull', message: `Less than a tenth is free${on}${isFull ? ', in places next to nothing' : ''}: delete volumes and snapshots that nobody needs, or add room, before pods that write stand still.` }
}
