import { once } from 'node:events'
import WebSocket from 'ws'
import { z } from 'zod'
import { streamChannel } from '@/contracts/host/v1/streams'
import { readGuestImage } from '../tools/setup/guest-image.mjs'
import { BareRecipe } from './bare-recipe'
import { startInstallation, type Installation } from './installation'
import { deletePods, startPod } from './pods'
import type { Bench } from './promise'
import { describeTimes, median } from './statistics'

const keys = 200
const warmUp = 20
const echoWithinMs = 10_000

/** Sends one key and resolves with the milliseconds until its echo. */
type Echo = { key(): Promise<number>; close(): void }

/** A key's way from the client's socket to the guest's terminal and back, against the bare port's. */
export const terminal: Bench = {
  name: 'terminal',
  title: 'Echo of a terminal',
  promises: [{ id: 'echo-over-bare', text: "Terminal echo, client's WebSocket to guest and back, beyond that over the bare agent port (medians)", unit: 'ms', atMost: 15, digits: 1 }],
  run: async (say) => {
    const at = await startInstallation('terminal', {})
    try {
      const pod = await startPod(at, 'shell')
      const bare = await BareRecipe.prepare(readGuestImage(), 1)
      try {
        await bare.start(0)
        const ways = { pod: await podEcho(at, pod.metadata.name), bare: await bareEcho(bare) }
        const times = { pod: [] as number[], bare: [] as number[] }
        for (let i = 0; i < warmUp + keys; i++) {
          for (const way of ['pod', 'bare'] as const) {
            const ms = await ways[way].key()
            if (i >= warmUp) times[way].push(ms)
          }
        }
        ways.pod.close()
        ways.bare.close()
        say(`pod ${median(times.pod).toFixed(2)} ms, bare ${median(times.bare).toFixed(2)} ms`)
        return {
          values: { 'echo-over-bare': median(times.pod) - median(times.bare) },
          details: `${keys} keys one at a time into \`cat\` on a terminal, in turn: through web, gateway, host agent and guest agent ${describeTimes(times.pod)} ms, over the
agent port of a bare machine ${describeTimes(times.bare)} ms. The browser's own drawing is not in it.`,
        }
      } finally {
        await bare.remove()
        await deletePods(at, [pod.metadata.name])
      }
    } finally {
      await at.stop()
    }
  },
}

async function podEcho(at: Installation, name: string): Promise<Echo> {
  const { ticket } = await at.call('pod.openTerminal', { tenant: at.tenant, name, command: ['/bin/cat'], columns: 80, rows: 24 }, z.object({ ticket: z.string() }))
  const socket = new WebSocket(`${at.url.replace(/^http/, 'ws')}/ws/stream/${ticket}`, { headers: { authorization: `Bearer ${at.token}` } })
  await once(socket, 'open')
  let onOutput = () => {}
  socket.on('message', (data: Buffer) => {
    if (data[0] === streamChannel.output) onOutput()
  })
  return { key: () => timed((done) => (onOutput = done), () => socket.send(Buffer.of(streamChannel.input, 0x78))), close: () => socket.close() }
}

async function bareEcho(bare: BareRecipe): Promise<Echo> {
  const session = await bare.client(0).exec({ container: 'main', args: ['/bin/cat'], env: [], cwd: null, user: null, stdin: true, terminal: { columns: 80, rows: 24 } })
  let onOutput = () => {}
  session.stdout.on('data', () => onOutput())
  session.stderr.resume()
  return { key: () => timed((done) => (onOutput = done), () => session.stdin?.write('x')), close: () => session.stdin?.end() }
}

function timed(listen: (done: () => void) => void, send: () => void): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no echo within ${echoWithinMs} ms`)), echoWithinMs)
    const begin = performance.now()
    listen(() => {
      clearTimeout(timer)
      resolve(performance.now() - begin)
    })
    send()
  })
}
