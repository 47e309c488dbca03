import { expect, it } from 'vitest'
import { BalancerNamespace } from './balancer-namespace'

it('names addresses of IPv6 to ss in brackets, with a port and without: else the last part of one is a port', async () => {
  const said: string[] = []
  const namespace = new BalancerNamespace('abc', 7, (_, args) => {
    said.push(args.slice(args.indexOf('(')).join(' '))
    return Promise.resolve({ stdout: '', stderr: '' })
  })
  await namespace.endConnections(['10.0.0.5', 'fd00::10:5'])
  await namespace.endAttempts([{ address: '10.0.0.5', port: 80 }, { address: 'fd00::5', port: 80 }])
  expect(said).toEqual(['( dst 10.0.0.5 or dst [fd00::10:5] )', '( dst 10.0.0.5:80 or dst [fd00::5]:80 )'])
})
