import type { ExternalBridge } from '@/host/external/bridge'
import type { Logger } from '@/platform/logger'
import type { Run } from './kernel'
import type { DeviceKind } from './kernel-objects'
import type { NamespaceUsers } from './namespace-rules'
import type { NetworkObjects } from './network-objects'
import type { FloatingBinding } from './network-state'
import type { PeerLinks } from './peers/peer-links'
import type { Uplink } from './uplink'

/** What all networks of one host share. */
export type HostParts = NamespaceUsers & { hostTag: string; deviceKind: DeviceKind; uplink: Uplink; peers: PeerLinks; run: Run; log: Logger; objectsOf: (networkId: string) => NetworkObjects | undefined; isClosed: (networkId: string) => boolean; external: ExternalBridge; floatingOf: (networkId: string) => readonly FloatingBinding[] }

/** What a reconciliation changed, for the log, and the pods whose tap had to be made anew: their QEMU holds a dead one. */
export type ReconcileReport = { repairs: string[]; lostTaps: string[] }
