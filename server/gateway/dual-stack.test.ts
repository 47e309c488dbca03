import { afterAll, beforeAll, expect, it } from 'vitest'
import { soon, startExternalWorld, type ExternalWorld, type Host } from './testing/external-world'

const quota = 5
let world: ExternalWorld
let host: Host

beforeAll(async () => {
  world = await startExternalWorld({ defaultQuota: quota })
  host = await world.connect('h1')
  await host.begin()
})
afterAll(async () => {
  host.close()
  await world.stop()
})

const addressesOf = (name: string) => host.balancers().find((one) => one.name === name)?.addresses
const said = async (uid: string) => {
  const row = await world.condition(uid, 'LoadBalancer')
  return row && [row.status, row.reason, row.message]
}
const text = (part: string) => expect.stringContaining(part) as string

it('a service of both families has an address of each, where there are such and its tenant may have them; else it is said of one that demands both', async () => {
  const { uid: prefers } = await world.service('prefers', { ipFamilyPolicy: 'PreferDualStack' })
  await soon(() => said(prefers)).toEqual(['True', 'Ready', 'Answers at 198.18.100.2.'])
  const { uid: demands } = await world.service('demands', { ipFamilyPolicy: 'RequireDualStack' })
  await soon(() => said(demands)).toEqual(['False', 'NotDualStack', text('Answers at 198.18.100.3, and at no IPv6 address, which its ipFamilyPolicy or ipFamilies demand. No pool is the usual one for IPv6')])
  const { uid: named } = await world.service('named', { ipFamilies: ['IPv4', 'IPv6'] })
  await soon(() => said(named)).toEqual(['False', 'NotDualStack', text('198.18.100.4')])
  // Once there is a pool of it each gets one, in the order of their age, as far as the quota goes.
  await world.pool('six', 6, 'fd00:100::/64')
  await soon(() => ['prefers', 'demands'].map(addressesOf)).toEqual([['198.18.100.2', 'fd00:100::2'], ['198.18.100.3', 'fd00:100::3']])
  await soon(async () => [await said(prefers), await said(demands)]).toEqual([['True', 'Ready', 'Answers at 198.18.100.2 and fd00:100::2.'], ['True', 'Ready', text('198.18.100.3 and fd00:100::3')]])
  await soon(() => said(named)).toEqual(['False', 'NotDualStack', text(`has ${quota} floating addresses, and may have ${quota}`)])
  await world.putService('named', { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'PreferDualStack' })
  await soon(() => said(named)).toEqual(['True', 'Partly', text(`It has no address of the other family: The tenant has ${quota}`)])
  // One that wants no second any more gives it back, and goes on; who was refused gets it.
  host.removed.length = 0
  await world.putService('prefers', { ipFamilyPolicy: 'SingleStack' })
  await soon(() => addressesOf('prefers')).toEqual(['198.18.100.2'])
  await soon(() => addressesOf('named')).toEqual(['198.18.100.4', 'fd00:100::2'])
  await soon(() => said(named)).toEqual(['True', 'Ready', text('fd00:100::2')])
  expect(host.removed).toEqual([])
})

it('one that names its addresses is given none, and told which family is missing', async () => {
  await world.clear(host)
  await world.floating('mine', '198.18.100.77')
  const { uid } = await world.service('own', { ipFamilyPolicy: 'RequireDualStack', loadBalancerIP: '198.18.100.77' })
  await soon(() => said(uid)).toEqual(['False', 'NotDualStack', text('198.18.100.77, and at no IPv6 address, which its ipFamilyPolicy or ipFamilies demand. Name one of that family, too')])
})
