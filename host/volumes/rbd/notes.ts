import { errno, unless } from './ceph-errors'
import type { RbdPlace } from './rbd-place'

/**
 * What is written down of a volume beside its image: attributes of an object of its own. Not in the image's metadata: to write that, Ceph takes the image's lock, from a living
 * owner who then is found no more, or from a sleeping one after half a minute.
 */
export const objectOf = (uid: string) => `hypernetes.${uid}`

const rados = (place: RbdPlace, args: readonly string[]) => place.commands.rados(place.pool, place.namespace, args)

export async function noteNames(place: RbdPlace, uid: string): Promise<string[]> {
  const text = await rados(place, ['listxattr', objectOf(uid)]).catch(unless([errno.notFound], ''))
  return text.split('\n').filter((line) => line !== '')
}

export async function getNote(place: RbdPlace, uid: string, name: string): Promise<string | null> {
  const text = await rados(place, ['getxattr', objectOf(uid), name]).catch(unless([errno.notFound, errno.noData], null))
  return text?.trim() ?? null
}

export async function setNote(place: RbdPlace, uid: string, name: string, value: string): Promise<void> {
  await rados(place, ['setxattr', objectOf(uid), name, value])
}

export async function removeNote(place: RbdPlace, uid: string, name: string): Promise<void> {
  await rados(place, ['rmxattr', objectOf(uid), name]).catch(unless([errno.notFound, errno.noData], ''))
}

export async function removeNotes(place: RbdPlace, uid: string): Promise<void> {
  await rados(place, ['rm', objectOf(uid)]).catch(unless([errno.notFound], ''))
}
