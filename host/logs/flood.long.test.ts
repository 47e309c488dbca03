import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Assignment } from '@/contracts/host/v1'
import { pushDebianImage } from '@/host/images/testing/debian/push'
import { python } from '@/host/images/testing/debian/recipes'
import { sampleReference } from '@/host/images/sample/sample-image'
import { startRegistry, type TestRegistry } from '@/host/images/testing/registry'
import { RealHost } from '@/host/pods/testing/real-host'

let registry: TestRegistry
let host: RealHost
let image: string

beforeAll(async () => {
  registry = await startRegistry()
  image = await pushDebianImage(registry.host, 'debian/python:1', python)
  host = await RealHost.open({ insecureRegistries: [registry.host] })
}, 300_000)

afterAll(async () => {
  await host.close()
  await registry.stop()
})

const floodSeconds = 10
/** Above what Node holds at most for a moment of the flood; a queue without a bound grows by this in a few seconds. */
const maxGrowthBytes = 192 << 20

/** Lines of 200 bytes that count upwards: what is missing shows. It stops when it is told to. */
const flood = `trap 'kill $!; exit 3' TERM; seq 1${'0'.repeat(198)} inf & wait`

it('a container that prints as fast as it can harms neither its neighbour nor the host agent, and hides no gap', async () => {
  const neighbour = host.pod({ containers: [{ name: 'main', image: sampleReference }] })
  const loud = host.pod({ restartPolicy: 'Never', terminationGracePeriodSeconds: 1, containers: [{ name: 'loud', image, command: ['sh', '-c', flood] }] })
  host.apply([neighbour])
  await host.untilRunning(neighbour)
  const alone = await commandTimes(neighbour)
  const before = process.memoryUsage().rss
  host.apply([neighbour, loud])
  await host.untilRunning(loud)
  const memory = watchMemory()
  const meanwhile = await commandTimes(neighbour)
  await delay(floodSeconds * 1000)
  const most = memory()
  const counters = (await host.run(loud, ['sh', '-c', 'cat /proc/[0-9]*/io'])).output
  const printed = Math.max(...[...counters.matchAll(/^wchar: (\d+)$/gm)].map((match) => Number(match[1])))
  expect(most - before).toBeLessThan(maxGrowthBytes)
  expect(Math.max(...meanwhile)).toBeLessThan(5 * Math.max(...alone) + 5_000)
  expect(printed).toBeGreaterThan(20e6)

  // Its own log goes on from number to number; where it does not, a record says so.
  await host.run(loud, ['sh', '-c', 'kill -TERM 1'])
  await host.until(() => host.report(loud)?.phase === 'Failed')
  const lines = (await host.log(loud, 'loud')).split('\n')
  expect(lines.length).toBeGreaterThan(10_000)
  expect(gapsIn(lines)).toEqual([])
}, 120_000)

/** Places where a number is missing and no mark says so. */
function gapsIn(lines: string[]): string[] {
  const gaps: string[] = []
  let expected: bigint | null = null
  for (const line of lines) {
    const number = /^\d{199}$/.test(line) ? BigInt(line) : null
    if (number !== null && expected !== null && number !== expected) gaps.push(`${number - expected} lines are missing before ${line.slice(-12)}`)
    expected = number === null ? null : number + 1n
  }
  return gaps
}

async function commandTimes(pod: Assignment): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < 8; i += 1) {
    const begin = performance.now()
    expect((await host.run(pod, ['echo', 'here'])).output).toBe('here\n')
    times.push(performance.now() - begin)
  }
  return times
}

/** Looks ten times a second at this process, which is the host agent; the function that it gives tells the most it saw. */
function watchMemory(): () => number {
  let most = 0
  const timer = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 100)
  return () => {
    clearInterval(timer)
    return most
  }
}
