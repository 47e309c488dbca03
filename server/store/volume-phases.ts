import { Prisma } from '@/generated/prisma/client'

/** What `status.phase` of a list's rows can be asked for, as SQL over the row `o`: each says what the view says. */
export type PhasedKind = 'Volume' | 'VolumeClaim' | 'VolumeSnapshot'

const attached = (that: Prisma.Sql): Prisma.Sql => Prisma.sql`exists (select 1 from "VolumeAttachment" a where a."volumeUid" = o."uid" and ${that})`
const inPhase = (phase: string): Prisma.Sql => attached(Prisma.sql`a."phase" = ${phase}`)
const silent = (host: Prisma.Sql): Prisma.Sql => Prisma.sql`exists (select 1 from "Host" h where h."id" = ${host} and (h."phase" = 'Unknown' or h."lostAt" is not null))`
/** As `isOutOfReach`: a keeper of a store of Ceph can be shut out. */
const outOfReach = Prisma.sql`(${silent(Prisma.sql`o."homeHostId"`)} or (${silent(Prisma.sql`o."hostId"`)} and (select s."spec" ->> 'kind' <> 'rbd' from "VolumeStore" s where s."uid" = o."storeId")))`
const paused = attached(Prisma.sql`jsonb_path_exists(coalesce(o."report", '{}'), '$.attachments[*] ? (@.podUid == $pod && @.paused == true)', jsonb_build_object('pod', a."podUid"::text))`)

const phases: Record<PhasedKind, Prisma.Sql> = {
  // As volumePhaseOf (domain/volume/state.ts).
  Volume: Prisma.sql`case
    when o."deletedAt" is not null then 'Deleted'
    when o."storedPhase" = 'Failed' then 'Failed'
    when ${inPhase('Lost')} or ${outOfReach} then 'Lost'
    when o."storedPhase" = 'Creating' then 'Creating'
    when o."storedPhase" <> 'Ready' then case when o."hostId" is null then 'Pending' else 'Creating' end
    when ${paused} then 'Full'
    when o."revertTo" is not null then 'Reverting'
    when ${inPhase('Detaching')} then 'Detaching'
    when ${inPhase('Attaching')} then 'Attaching'
    when o."storedSizeBytes" < o."sizeBytes" then 'Growing'
    when ${inPhase('Attached')} then 'InUse'
    else 'Available' end`,
  VolumeClaim: Prisma.sql`case
    when o."deletedAt" is not null then 'Deleting'
    when exists (select 1 from "Volume" v where v."claimUid" = o."uid") then 'Bound'
    else 'Pending' end`,
  VolumeSnapshot: Prisma.sql`case when o."deletedAt" is not null then 'Deleting' else o."phase" end`,
}

/** Those in one of these phases. */
export const ofPhases = (kind: PhasedKind, wanted: readonly string[]): Prisma.Sql => Prisma.sql`(${phases[kind]}) = any(${[...wanted]}::text[])`
