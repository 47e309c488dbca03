import { z } from 'zod'
import { defaultEnvironment, ExecError, run } from '@/platform/exec'
import type { Slots } from '../slots'
import type { RoomGauge } from '../room'
import { cephError, CephFailure, errno, isFailure } from './ceph-errors'
import { fullPoolRequest, fullPoolScript, noRoomInPool } from './full-pool'
import { Turns, turnsOfTenant, type Turn } from './turns'

/** How the agent reaches the cluster of a store (`name`): addresses of its monitors, a user without `client.`, and that user's key. `through`: an argv that is put before every command (a namespace). */
export type CephAccess = { name: string; monitors: readonly string[]; user: string; key: string; through?: readonly string[] }

/** `turn` left out: a short one; of a long one `timeoutMs` is six hours where it is left out. `apart`: without a turn, for what says whether the cluster answers. */
export type CommandOptions = { timeoutMs?: number; signal?: AbortSignal; turn?: Turn; apart?: boolean }
/** A cluster that does not answer its gauge is asked nothing else; in a full pool only what takes no room is done. */
type Gauge = Pick<RoomGauge, 'isSilent' | 'silent' | 'wasFull' | 'isFull'>
/** What all tenants of a store share here. `noted`: addresses of hosts that are written down in the pool; `own`: once this host's are. */
type OfStore = { turns: Turns; noted: Set<string>; own: Promise<void> | null }

/** Seconds that a command waits for the cluster before it says that it is not reached. */
const patience = 10
/** So old may an answer be by which a pool is full. */
const fullMs = 5_000
/** What copies or rolls back takes its time by size; what reads is short. Milliseconds. */
const timeoutsMs: Record<Turn, number> = { short: 60_000, long: 6 * 3_600_000 }

/** By what a store was opened with, which its tenants' have in common. */
const stores = new WeakMap<CephAccess, OfStore>()

function storeOf(access: CephAccess): OfStore {
  const made: OfStore = stores.get(access) ?? { turns: new Turns(access.name), noted: new Set(), own: null }
  stores.set(access, made)
  return made
}

/** A client that is shut out stays so for a year: one that sleeps, and wakes after the hour that is Ceph's own, would be let in again. Seconds. */
export const shutOutSeconds = 365 * 86_400

/** No configuration, keyring, log or socket of the machine has a say in what is asked. A program that breaks a dead owner's lock by itself shuts him out for as long as this host would. Librbd's cache can lose a failed write (adr/0059). */
const plain = [
  ...['-c', '/dev/null', '--log-file', '/dev/null', '--admin-socket', '', '--crash-dir', '', '--client-mount-timeout', String(patience), '--rados-mon-op-timeout', String(patience), '--rados-osd-op-timeout', '30'],
  ...['--rbd-blocklist-on-break-lock', 'true', '--rbd-blocklist-expire-seconds', String(shutOutSeconds), '--rbd-cache', 'false'],
]

/** The same for a program of {@link CephCommands.python}. */
const plainSettings = [`client_mount_timeout=${patience}`, `rados_mon_op_timeout=${patience}`, 'rados_osd_op_timeout=30', 'log_file=/dev/null', 'log_to_stderr=false', 'err_to_stderr=false', 'admin_socket=', 'crash_dir=', 'rbd_blocklist_on_break_lock=true', `rbd_blocklist_expire_seconds=${shutOutSeconds}`, 'rbd_cache=false']

/** The `rbd`, `rados` and `ceph` programs of one store. The key goes to their standard input: it is in no argv and in no file. Throws {@link cephError}'s. */
export class CephCommands {
  readonly ofStore: OfStore

  /** For one tenant, where it is one's. `ending`: of whatever has no signal of its own. */
  constructor(
    private readonly access: CephAccess,
    private readonly gauge: Gauge | null = null,
    private readonly ofTenant: Record<Turn, Slots> = turnsOfTenant(),
    private readonly ending?: AbortSignal,
  ) {
    this.ofStore = storeOf(access)
  }

  /** The same, whose programs and waits for them end with the signal. */
  until(signal: AbortSignal | undefined): CephCommands {
    return new CephCommands(this.access, this.gauge, this.ofTenant, signal)
  }

  rbd(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return this.command('rbd', args, options)
  }

  async rbdJson<T>(schema: z.ZodType<T>, args: readonly string[]): Promise<T> {
    return parsed(schema, `rbd ${args[0]}`, await this.read([...args, '--format', 'json']))
  }

  /** Ceph 16's `rbd` crashes now and then while it ends, under load: what only reads is asked again. */
  private async read(args: readonly string[], turns = 3): Promise<string> {
    try {
      return await this.rbd(args)
    } catch (error) {
      if (turns === 1 || !(error instanceof CephFailure) || !(error.cause instanceof ExecError) || !['SIGABRT', 'SIGSEGV'].includes(error.cause.signal ?? '')) throw error
      return this.read(args, turns - 1)
    }
  }

  /** On one object, in a namespace of a pool. */
  rados(pool: string, namespace: string, args: readonly string[]): Promise<string> {
    return this.command('rados', ['--pool', pool, '--namespace', namespace, ...args], {})
  }

  ceph(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return this.command('ceph', ['--connect-timeout', String(patience), ...args], options)
  }

  /** Some verbs print one value after the other: the first is what is asked for. */
  async cephJson<T>(schema: z.ZodType<T>, args: readonly string[], options: CommandOptions = {}): Promise<T> {
    const [first = ''] = (await this.ceph([...args, '--format', 'json'], options)).trim().split(/(?<=\])(?=\[)/, 1)
    return parsed(schema, `ceph ${args.slice(0, 2).join(' ')}`, first)
  }

  /** A script of ours over Ceph's libraries for what no program of it does in one piece. Its arguments come after the monitors and the user; it ends with a number of errno.h. `what`: for errors. */
  python(what: string, script: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
    const { monitors, user } = this.access
    // The one that these libraries are for, whichever comes first on the path; -I: nothing of the machine's has a say in it.
    return this.run(what, ['/usr/bin/python3', '-I', '-c', script, monitors.join(','), user, ...args, ...plainSettings], options)
  }

  private async command(program: string, args: readonly string[], options: CommandOptions): Promise<string> {
    const { monitors, user } = this.access
    const { gauge } = this
    if (program !== 'ceph' && (await this.isFull())) return this.whileFull(program, args, options)
    try {
      return await this.run(verb(program, args), [program, ...plain, '-m', monitors.join(','), '--id', user, '--keyfile', '-', ...args], options)
    } catch (error) {
      // The programs wait for room in vain: it has become full since it was asked.
      if (program === 'ceph' || !gauge || !isFailure(error, errno.timedOut) || !(await gauge.isFull(0))) throw error
      return this.whileFull(program, args, options)
    }
  }

  /** Throws where the pool has no room, as it was known at last: for what would wait for some instead of saying so. */
  async requireRoom(): Promise<void> {
    if (await this.isFull()) throw noRoomInPool(this.access.name)
  }

  private async isFull(): Promise<boolean> {
    return this.gauge?.wasFull === true && (await this.gauge.isFull(fullMs))
  }

  private whileFull(program: string, args: readonly string[], options: CommandOptions): Promise<string> {
    const request = fullPoolRequest(program, args)
    if (request === null) throw noRoomInPool(this.access.name)
    return this.python(`${request.verb} in a full pool`, fullPoolScript, [JSON.stringify(request)], options)
  }

  private async run(what: string, argv: readonly string[], { apart, turn = 'short', timeoutMs = timeoutsMs[turn], signal = this.ending }: CommandOptions): Promise<string> {
    const { name, key, through = [] } = this.access
    const [program = '', ...args] = [...through, ...argv]
    // `rbd` writes times without their zone.
    const task = () => run(program, args, { input: key, timeoutMs, signal, env: { ...defaultEnvironment(), TZ: 'UTC' } })
    try {
      return (await (apart ? task() : this.inTurn(turn, task, signal))).stdout
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      throw error instanceof ExecError ? cephError(name, what, error) : error
    }
  }

  private inTurn<T>(turn: Turn, task: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const asked = async (): Promise<T> => {
      if (this.gauge?.isSilent) throw this.gauge.silent
      return task()
    }
    return this.gauge?.isSilent ? asked() : this.ofStore.turns.take(turn, this.ofTenant, asked, signal)
  }
}

/** The words before the first option or name. */
function verb(program: string, args: readonly string[]): string {
  const from = program === 'rados' ? args.slice(4) : args[0] === '--connect-timeout' ? args.slice(2) : args
  return [program, ...from.slice(0, 3).filter((word) => /^[a-z-]+$/.test(word) && !word.startsWith('--'))].join(' ')
}

function parsed<T>(schema: z.ZodType<T>, what: string, text: string): T {
  const { success, data, error } = schema.safeParse(jsonOf(text))
  if (success) return data
  throw new Error(`${what} said what was not expected: ${error.message.slice(0, 300)}. Is this version of Ceph supported (16 to 19)?`)
}

/** Undefined: it is none. What is wrong with it is not said, for that quotes the text, which may have a user's key. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
