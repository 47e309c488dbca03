import { serviceSubnets, subnetsOf } from '@/domain/network/spec'
import { hasServiceAddresses, serviceFamilies } from '@/domain/service/families'
import { allocateServiceAddresses } from '@/server/store/addresses'
import { findConditionStatus, setCondition, setConditionIfThere } from '@/server/store/conditions'
import { inTransaction } from '@/server/store/database'
import { findControlledNetwork, holdServiceToAddress, keepAgreement, listNetworkIds, listPeeringsAround, listServicesToAddress, resolvePeers, type AddressedService, type ControlledNetwork } from '@/server/store/network-control'
import { recordEvent } from '@/server/store/reports'
import type { Controller, ControlContext } from '../../runtime/controller'
import { eachApart } from '../../runtime/each-apart'
import { judgeNetwork, judgePeering } from './plan'

/** Keys are networks' uids. A change of a spec, and of a peering for both its networks, is told by triggers: of labels and conditions there is nothing to do. */
export const networkController: Controller = {
  name: 'network',
  workers: 2,
  resyncSeconds: 60,
  keysOf: ({ kind, action, uid }) => ((kind === 'Network' && action === 'added') || kind === 'NetworkSpec' || kind === 'NetworkPeers' ? [uid] : []),
  allKeys: (ctx) => listNetworkIds(ctx.db),
  reconcile: async (ctx, uid) => {
    const network = await findControlledNetwork(ctx.db, uid)
    if (!network) return
    await inTransaction(ctx.db, (tx) => setConditionIfThere(tx, { objectUid: uid, objectKind: 'Network', type: 'Ready', observedGeneration: network.generation, ...judgeNetwork(network.name, network.spec) }))
    const services = (await listServicesToAddress(ctx.db, uid, serviceSubnets(network.spec).length)).map((service) => () => addressService(ctx, network, service))
    await eachApart([...services, () => judgePeerings(ctx, uid)], (work) => work())
  },
}

/** Gives a service what it lacks: what a use case could not know when it made the service. */
async function addressService(ctx: ControlContext, network: ControlledNetwork, service: AddressedService): Promise<void> {
  const { families, missing } = serviceFamilies(service.spec, network.spec)
  if (!hasServiceAddresses(service.spec) || (service.addresses.length >= families.length && missing.length === 0)) return
  await inTransaction(ctx.db, async (tx) => {
    if (!(await holdServiceToAddress(tx, service))) return
    const given = await allocateServiceAddresses(tx, { ...service, networkId: network.uid })
    const about = { objectUid: service.uid, objectKind: 'Service' as const, type: 'AddressAllocated', observedGeneration: service.generation }
    if (!('refusal' in given)) {
      // Only a service that had none is told that it has one.
      if ((await findConditionStatus(tx, service.uid, about.type)) !== null) await setCondition(tx, { ...about, status: 'True', reason: 'Allocated', message: `The service has the ${given.addresses.length > 1 ? 'addresses' : 'address'} ${given.addresses.join(' and ')}.` })
      return
    }
    const { reason, message } = given.refusal
    if (!(await setCondition(tx, { ...about, status: 'False', reason, message }))) return
    await recordEvent(tx, { tenantId: service.tenantId, objectUid: service.uid, objectKind: 'Service', objectNamespace: service.namespace, objectName: service.name, type: 'Warning', reason, message, source: 'network' })
  })
}

/** Says of the peerings that concern a network, of whichever side, whether they are active. */
async function judgePeerings(ctx: ControlContext, networkId: string): Promise<void> {
  await inTransaction(ctx.db, (tx) => resolvePeers(tx, networkId), { repeatable: true })
  const around = await listPeeringsAround(ctx.db, networkId)
  for (const peering of around) {
    if (peering.own.uid !== networkId && peering.other?.uid !== networkId) continue
    const verdict = judgePeering(peering, around)
    const begins = verdict.status === 'True' && peering.tenantId !== peering.peerTenantId && peering.agreedSubnets === null
    await inTransaction(ctx.db, async (tx) => {
      await setConditionIfThere(tx, { objectUid: peering.uid, objectKind: 'NetworkPeering', type: 'Active', observedGeneration: peering.generation, ...verdict })
      if (begins && peering.other) await keepAgreement(tx, peering.uid, subnetsOf(peering.other.spec).map(({ cidr }) => cidr))
    }, { repeatable: true })
  }
}
