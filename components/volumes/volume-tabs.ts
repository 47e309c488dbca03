import { paths } from '@/components/client/paths'

/** Volumes and what belongs to them stand beside each other. */
export const volumeTabs = (tenant: string) => [
  { href: paths.volumes(tenant), label: 'Volumes', under: [paths.newVolume(tenant)] },
  { href: paths.volumeClaims(tenant), label: 'Claims', under: [paths.newVolumeClaim(tenant)] },
  { href: paths.volumeSnapshots(tenant), label: 'Snapshots' },
  { href: paths.snapshotSchedules(tenant), label: 'Schedules', under: [paths.newSnapshotSchedule(tenant)] },
]
