import { canFence, type VolumeStoreSpec } from '@/domain/volume-store/spec'

/** What tells whether a host is heard of. */
export type HeardHost = { phase: string; lostAt: Date | null }

/** Whether the host is silent, or was given up. */
export const isSilent = (host: HeardHost | null): boolean => host !== null && (host.phase === 'Unknown' || host.lostAt !== null)

/** Whether nobody may take a volume: its bytes are on a silent host's disk, or a silent host keeps it that nobody can shut out. */
export const isOutOfReach = ({ home, host }: { home: HeardHost | null; host: HeardHost | null }, store: VolumeStoreSpec): boolean => isSilent(home) || (isSilent(host) && !canFence(store))
