import { afterEach, beforeEach, expect, it } from 'vitest'
import { run } from '@/platform/exec'
import { foreignForwardPolicy } from './forward-policy'
import { storageLinkName } from './storage-namespace'
import { Lab, network, OUTSIDE, pod } from './testing/lab'

let lab: Lab

beforeEach(async () => {
  lab = await Lab.create()
})

afterEach(async () => {
  await lab.hostNetwork().close()
  await lab.destroy()
})

const load = (rules: string) => run('nsenter', [`--net=/run/netns/${lab.host}`, 'nft', '-f', '-'], { input: rules })
const obstacles = () => foreignForwardPolicy({ hostTag: lab.hostTag, uplinkNetns: lab.host })

it('a forward chain of others that drops is found, and the commands given let us through', async () => {
  await lab.serve(lab.outside, 'outside')
  const hosts = lab.hostNetwork()
  const guest = await lab.start(hosts, { network: network(1, { outbound: 'nat' }), pod: pod('a', 5) })
  expect(await obstacles()).toEqual([])
  await load('table inet other {\n chain forward { type filter hook forward priority filter; policy drop;\n }\n}\n')
  expect(await lab.fetch(guest, OUTSIDE)).toBe(null)
  const [obstacle, ...rest] = await obstacles()
  expect(rest).toEqual([])
  expect(obstacle?.where).toBe('chain forward of table inet other')
  for (const [command = '', ...args] of obstacle?.allow ?? []) await lab.in(lab.host, command, ...args)
  expect(await obstacles()).toEqual([])
  await lab.hears(guest, OUTSIDE, 'outside')
})

it('the way of VMs to stores of volumes is known, too', async () => {
  const link = storageLinkName(lab.hostTag)
  await load(`table inet other {\n chain forward { type filter hook forward priority filter; policy drop;\n iifname "hyp${lab.hostTag}-*" accept\n oifname "hyp${lab.hostTag}-*" accept\n iifname "hypx-${lab.hostTag}" accept\n oifname "hypx-${lab.hostTag}" accept\n }\n}\n`)
  const [obstacle] = await obstacles()
  expect(obstacle?.allow.filter((argv) => argv.includes(`"${link}"`))).toHaveLength(2)
  for (const [command = '', ...args] of obstacle?.allow ?? []) await lab.in(lab.host, command, ...args)
  expect(await obstacles()).toEqual([])
})

it('Docker\'s is answered with the chain it keeps for others', async () => {
  await load('table ip filter {\n chain DOCKER-USER {\n }\n chain FORWARD { type filter hook forward priority filter; policy drop; jump DOCKER-USER\n }\n}\n')
  expect(await obstacles()).toEqual([{
    where: 'chain FORWARD of table ip filter',
    allow: [
      ['iptables', '-I', 'DOCKER-USER', '-i', `hyp${lab.hostTag}-+`, '-j', 'ACCEPT'],
      ['iptables', '-I', 'DOCKER-USER', '-o', `hyp${lab.hostTag}-+`, '-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED', '-j', 'ACCEPT'],
      ['iptables', '-I', 'DOCKER-USER', '-i', `hyps${lab.hostTag}-up`, '-j', 'ACCEPT'],
      ['iptables', '-I', 'DOCKER-USER', '-o', `hyps${lab.hostTag}-up`, '-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED', '-j', 'ACCEPT'],
      ['iptables', '-I', 'DOCKER-USER', '-i', `hypx-${lab.hostTag}`, '-j', 'ACCEPT'],
      ['iptables', '-I', 'DOCKER-USER', '-o', `hypx-${lab.hostTag}`, '-j', 'ACCEPT'],
    ],
  }])
})
