/** A pod that says "true" here gets a way to stores on the network with its VM, so that volumes there can come while it runs (docs/adr/0047). */
export const storageNetworkAnnotation = 'volumes.hypernetes.io/storage-network'

/** Whether it asks for the way. */
export const asksForStorageNetwork = (annotations: Readonly<Record<string, string>>): boolean => annotations[storageNetworkAnnotation] === 'true'
