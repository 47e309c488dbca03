import type { VolumeConsequence } from '@/domain/volume/preview'
import { formatBytes } from '@/domain/shared/quantity'
import { volumeSnapshotSpec } from '@/domain/volume-snapshot/spec'
import type { Config } from '@/platform/config'
import type { Scope } from '@/server/auth/scope'
import type { Transaction } from '@/server/store/database'
import { readSnapshotDependents, snapshotsSince, type VolumeSnapshotRow } from '@/server/store/volume-snapshots'
import { readVolumeUse, type VolumeRow } from '@/server/store/volumes'
import { listed, many, said } from '../volumes/tried'

type Members = readonly VolumeSnapshotRow[]
const bytesOf = (members: Members, of: (row: VolumeSnapshotRow) => bigint): number => Number(members.reduce((sum, row) => sum + of(row), 0n))
const gone = (members: Members): string[] => members.filter(({ volume }) => !volume).map(({ name }) => name)
const isAre = (count: number): string => (count === 1 ? 'is' : 'are')

/** What the volume of a snapshot is called, or was. */
export function nameOfSource({ volume, spec }: VolumeSnapshotRow): string {
  const { source } = volumeSnapshotSpec.parse(spec)
  return volume?.name ?? source.volumeName ?? source.persistentVolumeClaimName ?? 'volume'
}

export async function consequencesOfGroupRevert(tx: Transaction, members: Members, volumes: readonly VolumeRow[], keepCurrent: boolean): Promise<VolumeConsequence[]> {
  const going = volumes.filter(({ deletedAt }) => deletedAt === null)
  const back = members.filter(({ volume }) => volume && volume.deletedAt === null)
  const newer: string[] = []
  for (const { takenAt, volumeUid } of back) if (takenAt && volumeUid !== null) newer.push(...(await snapshotsSince(tx, volumeUid, takenAt)))
  const smaller = back.filter(({ volumeUid, sizeBytes }) => going.some((row) => row.uid === volumeUid && row.sizeBytes > sizeBytes)).map(nameOfSource)
  const [without, deleted] = [gone(members), members.filter(({ volume }) => volume && volume.deletedAt !== null).map(nameOfSource)]
  return [
    ...(going.length > 0 ? [said(`${going.length === 1 ? 'The volume' : `All ${going.length} volumes`} ${going.length === 1 ? 'is again as it was' : 'are again as they were'} at that instant: ${listed(going.map(({ name }) => name))}.`, true)] : []),
    keepCurrent ? said('What was written since then is in a snapshot of its own of each, which is taken first.') : said('What was written since then is gone.', true),
    ...(newer.length > 0 ? [said(`${many(newer.length, 'newer snapshot')} ${newer.length === 1 ? 'stays' : 'stay'}: ${listed(newer)}.`)] : []),
    ...(smaller.length > 0 ? [said(`What has grown since then stays as large as it is, and its file system follows: ${listed(smaller)}.`)] : []),
    ...(without.length > 0 ? [said(`Nothing goes back to ${listed(without)}: ${without.length === 1 ? 'its volume is' : 'their volumes are'} gone.`)] : []),
    ...(deleted.length > 0 ? [said(`What is deleted is left as it is: ${listed(deleted)}. Restore it first where it is to go back, too.`)] : []),
    said('No pod gets any of them before that is done.'),
  ]
}

export async function consequencesOfClones(tx: Transaction, { volumeQuotas }: Pick<Config, 'volumeQuotas'>, scope: Scope, members: Members, suffix: string): Promise<VolumeConsequence[]> {
  const { used, limits } = await readVolumeUse(tx, scope, volumeQuotas)
  const names = members.map((member) => `${nameOfSource(member)}-${suffix}`)
  return [
    said(`${many(members.length, 'volume')} ${isAre(members.length)} made, with what ${members.length === 1 ? 'its source' : 'their sources'} had at that instant: ${listed(names)}.`),
    said(`The tenant then has ${formatBytes(used.bytes + bytesOf(members, ({ sizeBytes }) => sizeBytes))} of its ${formatBytes(limits.bytes)} in ${used.volumes + members.length} of ${limits.volumes} volumes.`),
    said('Each has the class of its source where that is there, the usual one elsewhere, and no limits of its own.'),
  ]
}

export async function consequencesOfGroupDeletion(tx: Transaction, scope: Scope, members: Members): Promise<VolumeConsequence[]> {
  const [volumes, claims]: [string[], string[]] = [[], []]
  for (const member of members) {
    const dependents = await readSnapshotDependents(tx, scope, member)
    volumes.push(...dependents.volumes)
    claims.push(...dependents.claims)
  }
  const taken = members.filter(({ phase }) => phase === 'Ready')
  const of = taken.flatMap(({ volume }) => (volume ? [volume.name] : []))
  const last = gone(taken)
  return [
    said(`${many(members.length, 'snapshot')} ${members.length === 1 ? 'goes' : 'go'}: ${listed(members.map(({ name }) => name))}.`),
    ...(of.length > 0 ? [said(`${of.length === 1 ? 'This volume stays' : 'These volumes stay'} as ${of.length === 1 ? 'it is' : 'they are'}, and cannot go back to that instant any more: ${listed(of)}.`)] : []),
    ...(last.length > 0 ? [said(`What these hold is the last of ${last.length === 1 ? 'a volume that is' : 'volumes that are'} gone: ${listed(last)}.`, true)] : []),
    ...(volumes.length > 0 ? [said(`${many(volumes.length, 'volume')} made of ${members.length === 1 ? 'it' : 'them'} ${volumes.length === 1 ? 'keeps all that it has' : 'keep all that they have'}: ${listed(volumes)}.`)] : []),
    ...(claims.length > 0 ? [said(`${many(claims.length, 'claim')} that ${claims.length === 1 ? 'waits' : 'wait'} for a volume made of ${members.length === 1 ? 'it' : 'them'} ${claims.length === 1 ? 'gets' : 'get'} none: ${listed(claims)}.`, true)] : []),
    said(`${formatBytes(bytesOf(taken, ({ storedBytes }) => storedBytes ?? 0n))} of the quota become free, and in the store what of them no volume and no other snapshot has.`),
    said('They cannot be restored.', true),
  ]
}
