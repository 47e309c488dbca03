const waitReasons: ReadonlySet<string> = new Set(['HostSilent', 'StoreUnreachable', 'VolumeRead', 'VolumeNotMade'])

/** Whether a reason says for whom a snapshot waits: its controller alone says and unsays those, and a host all others. */
export const isWaitReason = (reason: string): boolean => waitReasons.has(reason)
