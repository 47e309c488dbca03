/** Every address of the console. No page writes an address by hand. */
const e = encodeURIComponent

const tenant = (slug: string) => `/t/${e(slug)}`
const pod = (slug: string, namespace: string, name: string) => `${tenant(slug)}/pods/${e(namespace)}/${e(name)}`
const network = (slug: string, name: string) => `${tenant(slug)}/networks/${e(name)}`
const service = (slug: string, namespace: string, name: string) => `${tenant(slug)}/services/${e(namespace)}/${e(name)}`
/** A Service and an Ingress may have the same name, so the kind of what asked for a balancer is part of its address. */
type BalancerPlace = [slug: string, source: 'Service' | 'Ingress', namespace: string, name: string]
const loadBalancer = (...[slug, source, namespace, name]: BalancerPlace) => `${tenant(slug)}/load-balancers/${source.toLowerCase()}/${e(namespace)}/${e(name)}`
const floatingAddress = (slug: string, name: string) => `${tenant(slug)}/floating-addresses/${e(name)}`
const addressPool = (name: string) => `/system/address-pools/${e(name)}`
const volume = (slug: string, name: string) => `${tenant(slug)}/volumes/${e(name)}`
const volumeSnapshot = (slug: string, name: string) => `${tenant(slug)}/volume-snapshots/${e(name)}`
const snapshotSchedule = (slug: string, name: string) => `${tenant(slug)}/snapshot-schedules/${e(name)}`
const volumeStore = (name: string) => `/system/volume-stores/${e(name)}`

export const paths = {
  home: () => '/',
  signIn: (next?: string) => (next ? `/sign-in?next=${e(next)}` : '/sign-in'),
  signUp: () => '/sign-up',
  forgotPassword: () => '/forgot-password',
  resetPassword: () => '/reset-password',

  tenant,
  pods: (slug: string, query?: { namespace?: string | undefined; q?: string | undefined; state?: string | undefined; host?: string | undefined }) => `${tenant(slug)}/pods${search(query)}`,
  newPod: (slug: string, query?: { namespace?: string | undefined; as?: 'form' | 'yaml' | undefined; from?: string | undefined; draft?: string | undefined }) => `${tenant(slug)}/pods/new${search(query)}`,
  pod,
  podLogs: (slug: string, namespace: string, name: string, query?: { container?: string | undefined; previous?: '1' | undefined }) => `${pod(slug, namespace, name)}/logs${search(query)}`,
  podTerminal: (slug: string, namespace: string, name: string) => `${pod(slug, namespace, name)}/terminal`,
  podEvents: (slug: string, namespace: string, name: string) => `${pod(slug, namespace, name)}/events`,
  podYaml: (slug: string, namespace: string, name: string, query?: { edit?: '1' | undefined }) => `${pod(slug, namespace, name)}/yaml${search(query)}`,
  podFigures: (slug: string, namespace: string, name: string) => `${pod(slug, namespace, name)}/figures`,
  podFiles: (slug: string, namespace: string, name: string, query?: { container?: string | undefined; path?: string | undefined }) => `${pod(slug, namespace, name)}/files${search(query)}`,
  /** What moves files: a download by GET, an upload by PUT. */
  podFilesApi: (slug: string, namespace: string, name: string, query: { container?: string | undefined; path: string; raw?: '1' | undefined; name?: string | undefined }) => `/api/pods/${e(slug)}/${e(namespace)}/${e(name)}/files${search(query)}`,
  podAttach: (slug: string, namespace: string, name: string, query?: { container?: string | undefined }) => `${pod(slug, namespace, name)}/attach${search(query)}`,
  podPorts: (slug: string, namespace: string, name: string) => `${pod(slug, namespace, name)}/ports`,

  networks: (slug: string) => `${tenant(slug)}/networks`,
  network,
  // A network may be called "new", so its form stands beside the list and not below it.
  newNetwork: (slug: string) => `${tenant(slug)}/networks-new`,
  editNetwork: (slug: string, name: string) => `${network(slug, name)}/edit`,
  networkTopology: (slug: string, name: string, query?: { as?: 'table' | undefined }) => `${network(slug, name)}/topology${search(query)}`,
  networkPods: (slug: string, name: string, query?: { q?: string | undefined }) => `${network(slug, name)}/pods${search(query)}`,
  networkPeerings: (slug: string, name: string) => `${network(slug, name)}/peerings`,
  newNetworkPeering: (slug: string, name: string) => `${network(slug, name)}/peerings-new`,
  services: (slug: string, query?: { namespace?: string | undefined; network?: string | undefined; q?: string | undefined }) => `${tenant(slug)}/services${search(query)}`,
  newService: (slug: string, query?: { namespace?: string | undefined }) => `${tenant(slug)}/services-new${search(query)}`,
  service,
  editService: (slug: string, namespace: string, name: string) => `${service(slug, namespace, name)}/edit`,
  serviceFigures: (slug: string, namespace: string, name: string) => `${service(slug, namespace, name)}/figures`,
  serviceYaml: (slug: string, namespace: string, name: string) => `${service(slug, namespace, name)}/yaml`,
  floatingAddresses: (slug: string, query?: { q?: string | undefined }) => `${tenant(slug)}/floating-addresses${search(query)}`,
  /** `target`: whom it shall lead to, as `Pod/namespace/name`. */
  newFloatingAddress: (slug: string, query?: { target?: string | undefined }) => `${tenant(slug)}/floating-addresses-new${search(query)}`,
  floatingAddress,
  associateFloatingAddress: (slug: string, name: string) => `${floatingAddress(slug, name)}/associate`,
  floatingAddressYaml: (slug: string, name: string) => `${floatingAddress(slug, name)}/yaml`,
  loadBalancers: (slug: string, query?: { namespace?: string | undefined; q?: string | undefined }) => `${tenant(slug)}/load-balancers${search(query)}`,
  newLoadBalancer: (slug: string, query?: { namespace?: string | undefined; service?: string | undefined }) => `${tenant(slug)}/load-balancers-new${search(query)}`,
  loadBalancer,
  loadBalancerRules: (...at: BalancerPlace) => `${loadBalancer(...at)}/rules`,
  editLoadBalancerRules: (...at: BalancerPlace) => `${loadBalancer(...at)}/rules/edit`,
  loadBalancerCertificates: (...at: BalancerPlace) => `${loadBalancer(...at)}/certificates`,
  /** A new certificate, or new text for the Secret `replace`. */
  uploadCertificate: (at: BalancerPlace, query?: { replace?: string | undefined }) => `${loadBalancer(...at)}/certificates/upload${search(query)}`,
  loadBalancerFigures: (...at: BalancerPlace) => `${loadBalancer(...at)}/figures`,
  loadBalancerLogs: (...at: BalancerPlace) => `${loadBalancer(...at)}/logs`,
  loadBalancerOptions: (...at: BalancerPlace) => `${loadBalancer(...at)}/options`,
  editLoadBalancerOptions: (...at: BalancerPlace) => `${loadBalancer(...at)}/options/edit`,
  loadBalancerYaml: (...at: BalancerPlace) => `${loadBalancer(...at)}/yaml`,
  /** Any manifests as YAML: from a sketch of a kind (`kind`), or an object as it is (`from`, as `Service/namespace/name`). */
  applyYaml: (slug: string, query?: { kind?: string | undefined; from?: string | undefined }) => `${tenant(slug)}/apply${search(query)}`,
  /** The question stands in the query: from `namespace/name`, to a pod, a service or an address. */
  reachability: (slug: string, network: string, query?: { from?: string | undefined; to?: string | undefined; kind?: 'pod' | 'service' | 'address' | undefined; protocol?: 'tcp' | 'udp' | 'icmp' | undefined; port?: string | undefined }) => `${tenant(slug)}/networks/${e(network)}/reachability${search(query)}`,
  securityGroups: (slug: string) => `${tenant(slug)}/security-groups`,
  newSecurityGroup: (slug: string, query?: { network?: string | undefined }) => `${tenant(slug)}/security-groups-new${search(query)}`,
  /** `rule`: the one to look at, from 0. */
  securityGroup: (slug: string, name: string, query?: { rule?: string | undefined }) => `${tenant(slug)}/security-groups/${e(name)}${search(query)}`,
  securityGroupRules: (slug: string, name: string) => `${tenant(slug)}/security-groups/${e(name)}/rules`,
  networkPolicies: (slug: string) => `${tenant(slug)}/network-policies`,
  networkPolicy: (slug: string, namespace: string, name: string) => `${tenant(slug)}/network-policies/${e(namespace)}/${e(name)}`,
  /** `deleted`: those that can be restored. */
  volumes: (slug: string, query?: { q?: string | undefined; deleted?: '1' | undefined }) => `${tenant(slug)}/volumes${search(query)}`,
  /** `from`: what it shall be made of, as `Snapshot/name` or `Volume/name`. */
  newVolume: (slug: string, query?: { from?: string | undefined }) => `${tenant(slug)}/volumes-new${search(query)}`,
  volume,
  /** `pod`: whom it is for, as `namespace/name`. */
  attachVolume: (slug: string, name: string, query?: { pod?: string | undefined }) => `${volume(slug, name)}/attach${search(query)}`,
  growVolume: (slug: string, name: string) => `${volume(slug, name)}/grow`,
  volumeLimits: (slug: string, name: string) => `${volume(slug, name)}/limits`,
  renameVolume: (slug: string, name: string) => `${volume(slug, name)}/rename`,
  volumeTimeline: (slug: string, name: string) => `${volume(slug, name)}/snapshots`,
  takeSnapshot: (slug: string, name: string) => `${volume(slug, name)}/snapshots-new`,
  volumeFigures: (slug: string, name: string, query?: { range?: string | undefined }) => `${volume(slug, name)}/figures${search(query)}`,
  volumeYaml: (slug: string, name: string) => `${volume(slug, name)}/yaml`,
  /** What takes a disk's image in, by PUT. */
  volumeUploadApi: (slug: string) => `/api/volumes/${e(slug)}`,
  volumeClaims: (slug: string, query?: { namespace?: string | undefined; q?: string | undefined }) => `${tenant(slug)}/volume-claims${search(query)}`,
  /** `grow`: its form that asks for more stands over it. */
  volumeClaim: (slug: string, namespace: string, name: string, query?: { grow?: '1' | undefined }) => `${tenant(slug)}/volume-claims/${e(namespace)}/${e(name)}${search(query)}`,
  newVolumeClaim: (slug: string) => `${tenant(slug)}/volume-claims-new`,
  volumeSnapshots: (slug: string, query?: { q?: string | undefined; schedule?: string | undefined }) => `${tenant(slug)}/volume-snapshots${search(query)}`,
  volumeSnapshot,
  snapshotSchedules: (slug: string, query?: { q?: string | undefined }) => `${tenant(slug)}/snapshot-schedules${search(query)}`,
  newSnapshotSchedule: (slug: string, query?: { volume?: string | undefined }) => `${tenant(slug)}/snapshot-schedules-new${search(query)}`,
  snapshotSchedule,
  editSnapshotSchedule: (slug: string, name: string) => `${snapshotSchedule(slug, name)}/edit`,
  namespaces: (slug: string) => `${tenant(slug)}/namespaces`,
  newNamespace: (slug: string) => `${tenant(slug)}/namespaces-new`,
  configMaps: (slug: string, query?: { namespace?: string | undefined; q?: string | undefined }) => `${tenant(slug)}/config-maps${search(query)}`,
  newConfigMap: (slug: string) => `${tenant(slug)}/config-maps-new`,
  configMap: (slug: string, namespace: string, name: string) => `${tenant(slug)}/config-maps/${e(namespace)}/${e(name)}`,
  editConfigMap: (slug: string, namespace: string, name: string) => `${tenant(slug)}/config-maps/${e(namespace)}/${e(name)}/edit`,
  secrets: (slug: string, query?: { namespace?: string | undefined; q?: string | undefined; type?: string | undefined }) => `${tenant(slug)}/secrets${search(query)}`,
  newSecret: (slug: string, query?: { type?: string | undefined }) => `${tenant(slug)}/secrets-new${search(query)}`,
  secret: (slug: string, namespace: string, name: string) => `${tenant(slug)}/secrets/${e(namespace)}/${e(name)}`,
  editSecret: (slug: string, namespace: string, name: string) => `${tenant(slug)}/secrets/${e(namespace)}/${e(name)}/edit`,
  images: (slug: string) => `${tenant(slug)}/images`,
  uploadImage: (slug: string) => `${tenant(slug)}/images-upload`,
  prePullImage: (slug: string) => `${tenant(slug)}/images-pre-pull`,
  imageUploadApi: (slug: string, reference: string) => `/api/images/${e(slug)}${search({ reference })}`,
  tokens: (slug: string) => `${tenant(slug)}/tokens`,
  newToken: (slug: string) => `${tenant(slug)}/tokens-new`,
  audit: (slug: string) => `${tenant(slug)}/audit`,

  account: () => '/account',
  hosts: () => '/system/hosts',
  /** What uses most, and how starts went: of a tenant, or of the whole fleet for operators. */
  top: (slug?: string) => (slug ? `${tenant(slug)}/top` : '/system/top'),
  traffic: (slug: string) => `${tenant(slug)}/traffic`,
  starts: (slug?: string) => (slug ? `${tenant(slug)}/starts` : '/system/starts'),
  host: (name: string) => `/system/hosts/${e(name)}`,
  addressPools: () => '/system/address-pools',
  // A pool may be called "new".
  newAddressPool: () => '/system/address-pools-new',
  addressPool,
  addressQuota: () => '/system/address-pools-quota',
  editAddressPool: (name: string) => `${addressPool(name)}/edit`,
  volumeStores: () => '/system/volume-stores',
  newVolumeStore: () => '/system/volume-stores-new',
  volumeStore,
  editVolumeStore: (name: string) => `${volumeStore(name)}/edit`,
  /** Of this tenant, or first asking of which. */
  volumeQuota: (query?: { tenant?: string | undefined }) => `/system/volume-quota${search(query)}`,
  storageClasses: () => '/system/storage-classes',
  newStorageClass: () => '/system/storage-classes-new',
  editStorageClass: (name: string) => `/system/storage-classes/${e(name)}/edit`,
  approvals: () => '/system/approvals',
  mail: () => '/system/mail',
  mailMessage: (id: string) => `/system/mail/${e(id)}`,
} as const

function search(query: Record<string, string | undefined> | undefined): string {
  const params = new URLSearchParams()
  for (const [key, value] of Object.entries(query ?? {})) if (value) params.set(key, value)
  const text = params.toString()
  return text && `?${text}`
}

/** Stands for the console's own origin; no address on it is opened. */
const ownOrigin = 'http://console.invalid'

/** Only a path of this site may follow a sign-in; anything else is dropped (an address from elsewhere would be an open redirect). */
export function safeNext(next: string | null | undefined): string {
  // As a browser reads it, which drops tabs and line breaks and takes a backslash for a slash: "/\t/host" is "//host".
  const url = next?.startsWith('/') && URL.canParse(next, ownOrigin) ? new URL(next, ownOrigin) : null
  return url?.origin === ownOrigin && !url.pathname.startsWith('//') ? `${url.pathname}${url.search}${url.hash}` : paths.home()
}
