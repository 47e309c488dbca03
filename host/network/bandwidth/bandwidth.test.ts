import { expect, it } from 'vitest'
import type { PodPort } from '../attachment'
import { tapName } from '../names'
import { bandwidthSection } from './bandwidth-section'
import { shapeCommand, Shaping } from './shaping'

const port = (uid: string, bandwidth?: PodPort['bandwidth']): PodPort => ({ uid, address: '10.0.0.5', prefixLength: 24, mac: '02:00:00:00:00:05', runAsUid: 700_005, bandwidth })
const [tapA, tapB] = [tapName('a'), tapName('b')]

it('a bucket has room for the largest packet, however low the rate', () => {
  const { chains, maps } = bandwidthSection({ ports: [port('a', { ingress: null, egress: 800_000_000 }), port('b', { ingress: 1000, egress: 1000 }), port('c', { ingress: 1000, egress: null }), port('d')] })
  expect(chains?.get(`bandwidth_${tapA}`)?.rules).toEqual(['limit rate over 100000000 bytes/second burst 131072 bytes drop'])
  expect(chains?.get(`bandwidth_${tapB}`)?.rules).toEqual(['limit rate over 125 bytes/second burst 131072 bytes drop'])
  expect([...maps?.get('bandwidth_taps')?.elements ?? []]).toEqual([[`"${tapA}"`, `goto bandwidth_${tapA}`], [`"${tapB}"`, `goto bandwidth_${tapB}`]])
  expect(bandwidthSection({ ports: [port('d')] })).toEqual({})
})

it('a shaper’s queue is a tenth of a second, and never too short for a few of the largest packets', () => {
  expect(shapeCommand('tap0', 800_000_000)).toBe('qdisc replace dev tap0 root handle 1: tbf rate 800000000bit burst 1000000b limit 11000000b')
  expect(shapeCommand('tap0', 1000)).toBe('qdisc replace dev tap0 root handle 1: tbf rate 1000bit burst 16384b limit 278528b')
})

it('taps are told what differs, nothing where nothing does, and after a failure all that is there is looked at', async () => {
  const told: (readonly string[])[] = []
  let isBroken = false
  const shaping = new Shaping({
    command: () => Promise.resolve(JSON.stringify([{ kind: 'noqueue', dev: 'lo', root: true }, { kind: 'tbf', dev: tapA, root: true, options: {} }])),
    tcBatch: (lines) => {
      told.push(lines)
      return isBroken ? Promise.reject(new Error('no')) : Promise.resolve()
    },
  })
  const limited = (ingress: number | null) => port('a', { ingress, egress: null })
  await shaping.apply([port('a'), port('b')])
  expect(told).toEqual([])
  await shaping.apply([limited(5000), port('b')])
  await shaping.apply([limited(5000), port('b')])
  await shaping.apply([limited(6000)])
  // It went with its tap, and came back with another.
  await shaping.apply([port('b')])
  await shaping.apply([limited(6000)])
  expect(told.splice(0)).toEqual([[shapeCommand(tapA, 5000)], [shapeCommand(tapA, 6000)], [shapeCommand(tapA, 6000)]])
  isBroken = true
  await expect(shaping.apply([limited(7000)])).rejects.toThrow('no')
  isBroken = false
  await shaping.apply([port('a')])
  expect(told.at(-1)).toEqual([`qdisc delete dev ${tapA} root`])
})
