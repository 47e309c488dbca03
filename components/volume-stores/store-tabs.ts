import { paths } from '@/components/client/paths'

/** Where volumes are kept, and what tenants choose from. */
export const storeTabs = [
  { href: paths.volumeStores(), label: 'Volume stores', under: [paths.newVolumeStore(), paths.volumeQuota()] },
  { href: paths.storageClasses(), label: 'Storage classes', under: [paths.newStorageClass()] },
]
