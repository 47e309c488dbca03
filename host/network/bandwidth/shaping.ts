import { z } from 'zod'
import type { PodPort } from '../attachment'
import type { NetworkNamespaceKernel } from '../kernel'
import { tapName } from '../names'

/**
 * What waits for a tap at most, in seconds of its rate, and at least so many bytes. A pod of this host sends up to 64 KiB in one packet: with
 * less than a few of them TCP loses so many at once that it stays far below the rate.
 */
const QUEUE_SECONDS = 0.1
const LEAST_QUEUE = 256 << 10
/** What passes at once, in seconds of the rate and at least so many bytes. More makes timers cheaper, and bursts longer. */
const BURST_SECONDS = 0.01
const LEAST_BURST = 16 << 10

/** Beyond it there is no limit, in bits a second: no link is as fast, and the kernel counts what waits in 31 bits. */
export const MOST_BITS = 100e9

/** What a limit says to the kernel: null where there is none. */
export const limitOf = (bits: number | null | undefined): number | null => (bits && bits <= MOST_BITS ? bits : null)

/** The line of `tc -batch` that shapes what is sent to a pod: `ingress` bits a second. It changes a shaper that is there without losing what waits in it. */
export function shapeCommand(tap: string, ingress: number): string {
  const bytes = ingress / 8
  const burst = Math.max(LEAST_BURST, Math.ceil(bytes * BURST_SECONDS))
  return `qdisc replace dev ${tap} root handle 1: tbf rate ${ingress}bit burst ${burst}b limit ${burst + Math.max(LEAST_QUEUE, Math.ceil(bytes * QUEUE_SECONDS))}b`
}

export const unshapeCommand = (tap: string): string => `qdisc delete dev ${tap} root`

const qdiscs = z.array(z.object({ kind: z.string(), dev: z.string(), root: z.boolean().optional(), options: z.object({ rate: z.number().optional() }).optional() }))

/** A rate in bytes a second, as the kernel has it: it knows no part of one. */
const inBytes = (ingress: number): number => Math.floor(ingress / 8)

/** Shapes what is sent to the pods of one network, by their taps. */
export class Shaping {
  /** Bytes a second by tap, as the kernel has it; null: not known. A new namespace has none. */
  private shaped: Map<string, number> | null = new Map()

  constructor(private readonly kernel: Pick<NetworkNamespaceKernel, 'command' | 'tcBatch'>) {}

  /** Brings the taps, which are there, to what their pods may receive: what differs, in one process or none. Throws ExecError; the next call then looks anew. */
  async apply(ports: readonly PodPort[]): Promise<void> {
    const wanted = limits(ports)
    const taps = new Set(ports.map(({ uid }) => tapName(uid)))
    const before = this.shaped ?? await this.observe()
    this.shaped = null
    const lines = [
      // A shaper goes with its tap.
      ...[...before.keys()].filter((tap) => taps.has(tap) && !wanted.has(tap)).map(unshapeCommand),
      ...[...wanted].filter(([tap, ingress]) => before.get(tap) !== inBytes(ingress)).map(([tap, ingress]) => shapeCommand(tap, ingress)),
    ]
    if (lines.length > 0) await this.kernel.tcBatch(lines)
    this.shaped = new Map([...wanted].map(([tap, ingress]) => [tap, inBytes(ingress)]))
  }

  /** As {@link apply}, whatever is there: what others changed is put right. Says what that was. */
  async repair(ports: readonly PodPort[]): Promise<string[]> {
    const there = await this.observe()
    this.shaped = there
    await this.apply(ports)
    return wrong(there, ports).map((tap) => `bandwidth of ${tap} set`)
  }

  /** Whether the kernel has what pods may receive. Changes nothing. */
  async isRight(ports: readonly PodPort[]): Promise<boolean> {
    return wrong(await this.observe(), ports).length === 0
  }

  /** Shapers that are there, and their rates. */
  private async observe(): Promise<Map<string, number>> {
    const all = qdiscs.parse(JSON.parse(await this.kernel.command('tc', ['-json', 'qdisc', 'show']) || '[]'))
    return new Map(all.filter(({ kind, root }) => kind === 'tbf' && root === true).map(({ dev, options }) => [dev, options?.rate ?? 0]))
  }
}

function wrong(there: ReadonlyMap<string, number>, ports: readonly PodPort[]): string[] {
  const wanted = new Map([...limits(ports)].map(([tap, ingress]) => [tap, inBytes(ingress)]))
  return ports.map(({ uid }) => tapName(uid)).filter((tap) => there.get(tap) !== wanted.get(tap))
}

const limits = (ports: readonly PodPort[]): Map<string, number> => new Map(ports.flatMap(({ uid, bandwidth }) => {
  const ingress = limitOf(bandwidth?.ingress)
  return ingress === null ? [] : [[tapName(uid), ingress] as const]
}))
