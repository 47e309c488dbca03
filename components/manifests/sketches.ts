import { floatingAddressSketch } from '@/components/floating-addresses/sketch'
import { balancerSketch } from '@/components/load-balancers/sketch'
import { peeringSketch } from '@/components/network-peerings/sketch'
import { networkPolicySketch } from '@/components/network-policies/sketch'
import { securityGroupSketch } from '@/components/security-groups/sketch'
import { serviceSketch } from '@/components/services/sketch'
import { snapshotScheduleSketch, volumeClaimSketch, volumeSketch, volumeSnapshotSketch } from '@/components/volumes/sketch'

const networkSketch = `apiVersion: v1
kind: Network
metadata:
  name: net1
spec:
  subnets:
    pods:
      cidr: 10.0.0.0/24
    pods-v6:
      cidr: fd00:0:0:1::/64
  outbound: nat
`

/** What a new manifest of a kind begins with. */
const sketches: Readonly<Record<string, string>> = { FloatingAddress: floatingAddressSketch, LoadBalancer: balancerSketch(), Network: networkSketch, NetworkPeering: peeringSketch('default'), NetworkPolicy: networkPolicySketch, PersistentVolumeClaim: volumeClaimSketch, SecurityGroup: securityGroupSketch, Service: serviceSketch(), SnapshotSchedule: snapshotScheduleSketch, Volume: volumeSketch, VolumeSnapshot: volumeSnapshotSketch }

export const sketchOf = (kind: string): string => (Object.hasOwn(sketches, kind) ? sketches[kind] : undefined) ?? serviceSketch()
