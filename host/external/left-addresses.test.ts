import { expect, it } from 'vitest'
import { ExecError } from '@/platform/exec'
import { LeftAddresses } from './left-addresses'

const none = () => Promise.reject(new ExecError('conntrack', 1, null, 'conntrack v1.4.7 (conntrack-tools): 0 flow entries have been deleted.', 'failed'))

it('an address that is taken back and lost again while its connections are forgotten is free only once those since are, too', async () => {
  let goOn = () => {}
  const waits = new Promise<void>((resolve) => (goOn = resolve))
  const left = new LeftAddresses({ stream: async () => (await waits, none()) })
  left.add('n1', ['198.18.100.7', '198.18.100.8'])
  const first = left.end('n1')
  left.takeBack(['198.18.100.7'])
  left.add('n1', ['198.18.100.7'])
  goOn()
  expect(await first).toEqual(['198.18.100.8'])
  expect([left.holderOf('198.18.100.7'), left.holderOf('198.18.100.8')]).toEqual(['n1', undefined])
  expect(await left.end()).toEqual(['198.18.100.7'])
})
