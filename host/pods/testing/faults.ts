import { systemClock, type Clock } from '../clock'
import type { AttachedNetwork, Guest, Machine } from '../ports'
import type { StartPorts } from '../start-machine'

/** A step of a real host that fails once: before anything of it is done, or when all of it is. */
export type Fault = { step: string; when: 'before' | 'after' }

/** Lets chosen steps of a real host fail: the step itself is the real one. */
export class Faults {
  private next: Fault | null = null

  /** The next time that the step comes, it fails. */
  plan(fault: Fault): void {
    this.next = fault
  }

  get isPlanned(): boolean {
    return this.next !== null
  }

  readonly wrap = (ports: StartPorts): StartPorts => ({
    ...ports,
    images: proxied(ports.images, { ensure: (...args) => this.during('image', () => ports.images.ensure(...args)) }),
    network: proxied(ports.network, { attach: async (...args) => this.rules(await this.during('tap', () => ports.network.attach(...args))) }),
    machines: proxied(ports.machines, {
      createScratch: (...args) => this.during('disks', () => ports.machines.createScratch(...args)),
      prepareTemplate: (...args) => this.during('template', () => ports.machines.prepareTemplate(...args)),
      start: async (...args) => this.machine(await this.during('vm', () => ports.machines.start(...args))),
    }),
  })

  private rules(network: AttachedNetwork): AttachedNetwork {
    const ready = this.during('rules', () => network.ready ?? Promise.resolve())
    ready.catch(() => {})
    return { ...network, ready }
  }

  private machine(real: Machine): Machine {
    return proxied(real, { connect: async (signal) => this.guest(await this.during('hello', () => real.connect(signal))) })
  }

  private guest(real: Guest): Guest {
    return proxied(real, {
      setup: (params) => this.during('setup', () => real.setup(params)),
      startContainer: (...args) => this.during('container', () => real.startContainer(...args)),
    })
  }

  private async during<T>(step: string, work: () => Promise<T>): Promise<T> {
    if (this.next?.step !== step) return work()
    const { when } = this.next
    if (when === 'after') await work()
    this.next = null
    throw new Error(`a planned fault ${when} the step "${step}"`)
  }
}

/** The object with some of its methods replaced; the others are called on the object itself. */
function proxied<T extends object>(real: T, replaced: Partial<T>): T {
  const own = new Map<PropertyKey, unknown>(Object.entries(replaced))
  return new Proxy(real, {
    get: (target, name) => {
      if (own.has(name)) return own.get(name)
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (...args: unknown[]): unknown => Reflect.apply(value, target, args) : value
    },
  })
}

/** The machine's clock, in which a test passes over long waits. */
export class SkippedClock implements Clock {
  private skippedMs = 0
  private readonly sleepers = new Set<{ ms: number; wake: () => void }>()

  now(): number {
    return systemClock.now() + this.skippedMs
  }

  steady(): number {
    return systemClock.steady() + this.skippedMs
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const skipped = new AbortController()
    const sleeper = { ms, wake: () => skipped.abort() }
    this.sleepers.add(sleeper)
    try {
      await systemClock.sleep(ms, signal ? AbortSignal.any([signal, skipped.signal]) : skipped.signal)
    } catch (error) {
      if (signal?.aborted || !skipped.signal.aborted) throw error
    } finally {
      this.sleepers.delete(sleeper)
    }
  }

  /** Goes ahead by as much as the longest sleeper waits; whoever waits for less is awake then too. */
  skip(): void {
    const all = [...this.sleepers]
    this.skippedMs += Math.max(0, ...all.map(({ ms }) => ms))
    for (const { wake } of all) wake()
  }
}
