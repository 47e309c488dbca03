import { paths } from '@/components/client/paths'

/** The page of an object that a manifest names; its kind's list where it has no page of its own. */
export function pathOfObject(tenant: string, { kind, namespace, name }: { kind: string; namespace: string | null; name: string }): string {
  const within = namespace ?? 'default'
  switch (kind) {
    case 'Service':
    case 'Endpoints': return paths.service(tenant, within, name)
    case 'Network': return paths.network(tenant, name)
    case 'NetworkPolicy': return paths.networkPolicy(tenant, within, name)
    case 'SecurityGroup': return paths.securityGroup(tenant, name)
    case 'FloatingAddress': return paths.floatingAddress(tenant, name)
    case 'Volume': return paths.volume(tenant, name)
    case 'PersistentVolumeClaim': return paths.volumeClaims(tenant, { namespace: within, q: name })
    case 'VolumeSnapshot': return paths.volumeSnapshots(tenant, { q: name })
    case 'SnapshotSchedule': return paths.snapshotSchedule(tenant, name)
    case 'Ingress': return paths.loadBalancer(tenant, 'Ingress', within, name)
    case 'NetworkPeering': return paths.networks(tenant)
    case 'ConfigMap': return paths.configMap(tenant, within, name)
    case 'Secret': return paths.secret(tenant, within, name)
    case 'Namespace': return paths.namespaces(tenant)
    default: return paths.pod(tenant, within, name)
  }
}
