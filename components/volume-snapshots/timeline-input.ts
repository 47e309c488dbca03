/** All snapshots of a volume, which has 256 at most. */
export const timelineInput = (tenant: string, volume: string) => ({ tenant, volume, limit: 500, sort: 'created', descending: true }) as const
