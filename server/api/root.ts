import { accountRouter } from './routers/account'
import { addressPoolRouter } from './routers/address-pool'
import { certificateRouter } from './routers/certificate'
import { configMapRouter } from './routers/config-map'
import { figuresRouter } from './routers/figures'
import { floatingAddressRouter } from './routers/floating-address'
import { hostRouter } from './routers/host'
import { imageRouter } from './routers/image'
import { ingressRouter } from './routers/ingress'
import { loadBalancerRouter } from './routers/load-balancer'
import { mailRouter } from './routers/mail'
import { applyProcedure, manifestRouter } from './routers/manifest'
import { namespaceRouter } from './routers/namespace'
import { networkRouter } from './routers/network'
import { networkPeeringRouter } from './routers/network-peering'
import { networkPolicyRouter } from './routers/network-policy'
import { podRouter } from './routers/pod'
import { auditRouter, eventRouter } from './routers/record'
import { securityGroupRouter } from './routers/security-group'
import { serviceRouter } from './routers/service'
import { snapshotScheduleRouter } from './routers/snapshot-schedule'
import { startRouter } from './routers/start'
import { secretRouter } from './routers/secret'
import { storageClassRouter } from './routers/storage-class'
import { tokenRouter } from './routers/token'
import { volumeRouter } from './routers/volume'
import { volumeClaimRouter } from './routers/volume-claim'
import { volumeSnapshotRouter } from './routers/volume-snapshot'
import { volumeStoreRouter } from './routers/volume-store'
import { router } from './trpc'

export const appRouter = router({
  account: accountRouter,
  addressPool: addressPoolRouter,
  audit: auditRouter,
  certificate: certificateRouter,
  configMap: configMapRouter,
  event: eventRouter,
  figures: figuresRouter,
  floatingAddress: floatingAddressRouter,
  host: hostRouter,
  image: imageRouter,
  ingress: ingressRouter,
  loadBalancer: loadBalancerRouter,
  mail: mailRouter,
  manifest: manifestRouter,
  'manifest.apply': applyProcedure,
  namespace: namespaceRouter,
  network: networkRouter,
  networkPeering: networkPeeringRouter,
  networkPolicy: networkPolicyRouter,
  pod: podRouter,
  snapshotSchedule: snapshotScheduleRouter,
  start: startRouter,
  secret: secretRouter,
  securityGroup: securityGroupRouter,
  service: serviceRouter,
  storageClass: storageClassRouter,
  token: tokenRouter,
  volume: volumeRouter,
  volumeClaim: volumeClaimRouter,
  volumeSnapshot: volumeSnapshotRouter,
  volumeStore: volumeStoreRouter,
})
export type AppRouter = typeof appRouter
