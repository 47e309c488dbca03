import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import type { Attachment } from '@/host/network/attachment'
import { HostNetwork } from '@/host/network/host-network'
import { WATCH_MS } from '@/host/network/watch/network-watch'
import { run } from '@/platform/exec'
import type { Bench } from './promise'
import { describeTimes, median } from './statistics'

const networksBefore = 100
const taps = 10
const rounds = 15
const uidRange = { first: 700_000, last: 709_999 }

const attachments = (number: number): Attachment[] =>
  Array.from({ length: taps }, (_, at) => ({
    network: { id: `network-${number}`, number, cidr: '10.0.0.0/16', gateway: '10.0.0.1', outbound: 'nat' },
    pod: { uid: `pod-${number}-${at}`, address: `10.0.1.${at}`, prefixLength: 16, mac: `02:00:00:00:01:${at.toString(16).padStart(2, '0')}`, runAsUid: uidRange.first + at },
  }))

/** What a host's network costs with many beside it, in a namespace that plays the host: a network with its pods' taps, and one more pod. */
export const networks: Bench = {
  name: 'networks',
  title: 'Many networks on one host',
  promises: [
    { id: 'network-to-first', text: `Programming a network with ${taps} taps on a host that has ${networksBefore} such networks, against the first`, unit: '×', atMost: 1.5, digits: 2 },
    { id: 'tap-to-first', text: `Programming one more tap of a network on a host that has ${networksBefore} such networks, against one more of the first`, unit: '×', atMost: 1.5, digits: 2 },
  ],
  run: async (say) => {
    const tag = randomBytes(3).toString('hex')
    const uplinkNetns = `hyt-${tag}-host`
    await run('ip', ['netns', 'add', uplinkNetns])
    const host = new HostNetwork({ hostTag: tag, uidRange, uplinkNetns, log: pino({ level: 'silent' }) })
    try {
      const first = await measure(host, Math.ceil(rounds / 2))
      say(`the first: network ${Math.round(median(first.network))} ms, tap ${median(first.tap).toFixed(1)} ms`)
      const before = Array.from({ length: networksBefore }, (_, at) => attachments(at + 1))
      for (const all of before) for (const one of all) await host.attach(one)
      const more = await measure(host, rounds)
      say(`one more: network ${Math.round(median(more.network))} ms, tap ${median(more.tap).toFixed(1)} ms`)
      await host.mend()
      const looks: number[] = []
      for (let look = 0; look < rounds; look++) looks.push(await timed(() => host.mend()))
      for (const { pod } of before.flat()) await host.detach(pod.uid)
      // The other half afterwards: what else the machine does is in both.
      const last = await measure(host, Math.floor(rounds / 2))
      for (const key of Object.keys(first) as (keyof typeof first)[]) first[key].push(...last[key])
      return {
        values: { 'network-to-first': median(more.network) / median(first.network), 'tap-to-first': median(more.tap) / median(first.tap) },
        details: `Networks with outbound traffic, ${taps} taps each, attached one after another; ${rounds} times each. Milliseconds: median (least to most, p95).

| networks before | a network of ${taps} taps | a tap after the first | detaching it all |
|---|---|---|---|
| 0 | ${describeTimes(first.network)} | ${describeTimes(first.tap)} | ${describeTimes(first.detach)} |
| ${networksBefore} | ${describeTimes(more.network)} | ${describeTimes(more.tap)} | ${describeTimes(more.detach)} |

A look whether other programs changed anything of ${networksBefore} networks with ${networksBefore * taps} taps, which comes every ${WATCH_MS / 1000} s: ${describeTimes(looks)} ms of one processor.`,
      }
    } finally {
      await host.close()
      await run('ip', ['netns', 'delete', uplinkNetns])
    }
  },
}

async function measure(host: HostNetwork, count: number) {
  const times = { network: [] as number[], tap: [] as number[], detach: [] as number[] }
  for (let round = 0; round < count; round++) {
    const all = attachments(networksBefore + 1)
    const taken = []
    for (const one of all) taken.push(await timed(() => host.attach(one)))
    times.network.push(taken.reduce((sum, one) => sum + one, 0))
    times.tap.push(...taken.slice(1))
    times.detach.push(await timed(async () => { for (const { pod } of all) await host.detach(pod.uid) }))
  }
  return times
}

async function timed(task: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await task()
  return performance.now() - began
}
