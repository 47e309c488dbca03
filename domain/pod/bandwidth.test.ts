import { expect, it } from 'vitest'
import { bandwidthAnnotations, parseBandwidth } from './bandwidth'

const { ingress, egress } = bandwidthAnnotations

it('reads Kubernetes’ quantities of bits a second', () => {
  expect(parseBandwidth({})).toEqual({ bandwidth: null, problems: [] })
  expect(parseBandwidth({ [ingress]: '10M' }).bandwidth).toEqual({ ingress: 10_000_000, egress: null })
  expect(parseBandwidth({ [ingress]: '1Gi', [egress]: '1k' }).bandwidth).toEqual({ ingress: 2 ** 30, egress: 1000 })
})
it('names what is none, and leaves it out', () => {
  for (const text of ['', 'fast', '-1M', '999', '1.1P', '10 M', '1E', 'NaN']) {
    const { bandwidth, problems } = parseBandwidth({ [ingress]: text, [egress]: '1M' })
    expect(bandwidth).toEqual({ ingress: null, egress: 1_000_000 })
    expect(problems).toEqual([{ annotation: ingress, message: expect.stringContaining('1k to 1P') as string }])
  }
})
