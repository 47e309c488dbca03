/** So many of each a tenant has at most: hosts carry all of a network's, and each is rules of the kernel's. Of claims and schedules, what one list may cost. */
export const maxOf = { Network: 100, Service: 2000, Endpoints: 2000, SecurityGroup: 200, NetworkPolicy: 500, NetworkPeering: 64, Ingress: 500, VolumeClaim: 1000, SnapshotSchedule: 200 } as const
