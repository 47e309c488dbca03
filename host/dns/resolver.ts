import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import type { NetworkObject } from '@/contracts/host/v1/networks'
import { jailUid, releaseJailUid, reserveJailUid } from '@/host/images/jail/jail'
import type { Logger } from '@/platform/logger'
import { Pauses } from '@/platform/pauses'
import { aliasScript } from './alias-script'
import { helperNames, helperPorts, resolverFiles, type HelperName, type ResolverFiles } from './files'
import { isResolverUid, resolverFolder } from './jail'
import { isServing, killStrayResolvers, ResolverRecord, startResolver, stopResolver, wakeResolver } from './process'

/** Changes in so short a time are one; in a large network in a longer one, so that its names take a fifth of the agent's thread at most. */
const [gatherMs, longestGatherMs, gatherShare] = [20, 500, 4]
/** For questions that a helper still has when another takes its place. */
const drainMs = 2_000
const [firstRetryMs, lastRetryMs] = [200, 30_000]
/** What fails once may be over with the next try: so often in a row is trouble. */
const troubleAfter = 2
/** Who ran so long begins anew with the shortest wait. */
const steadyMs = 60_000

const helper = ResolverRecord.extend({ port: z.number().int() })
type Helper = z.infer<typeof helper>
const savedState = z.object({ version: z.literal(1), uid: z.number().int().refine(isResolverUid), names: ResolverRecord.nullable(), records: helper.nullable(), aliases: helper.nullable() })
type Saved = z.infer<typeof savedState>

const dnsmasq = (configuration: string) => ['dnsmasq', '--keep-in-foreground', `--conf-file=${resolverFolder}/${configuration}`]

export type ResolverParts = { folder: string; namespace: string; nameservers: () => readonly string[]; log: Pick<Logger, 'info' | 'warn' | 'error'>; /** It cannot be brought to what it should be, and each further try; or it is again. */ onTrouble?: (isThere: boolean) => void }

/** Keeps the account of the resolver that an earlier agent left in this folder from everybody else, before the resolver itself is taken up. */
export async function reserveAccount(folder: string): Promise<void> {
  const saved = savedState.safeParse(await json(join(folder, 'state.json')))
  if (saved.success) reserveJailUid(saved.data.uid)
}

/**
 * The resolver of one network on this host. A process answers the pods from files that it reads again without a gap; helpers behind it have what
 * dnsmasq reads at its start alone (SRV) or cannot follow (ExternalName), and each is replaced by another at another port before it goes, so that no question is lost.
 * All that is asked for here is carried out in the order of asking, in the background; what fails is tried again.
 */
export class Resolver {
  private objects: readonly NetworkObject[] = []
  private wanted = false
  private state: Saved | null = null
  private written = new Map<string, string>()
  private running: Promise<void> | null = null
  private changed = false
  private left = false
  private retryMs = firstRetryMs
  /** Where the network's resolver is asked by a process behind it. */
  private gateway = ''
  private startedAt = 0
  private failures = 0
  /** What the last look at all names took. */
  private computedMs = 0
  private readonly pauses = new Pauses()
  /** Aborted when what drains shall end at once. */
  private ending = new AbortController()
  /** What is ending, and the port that it still holds. */
  private readonly retiring = new Map<Promise<void>, number>()
  constructor(private readonly parts: ResolverParts) {}

  /** What the server says of the network. */
  know(objects: readonly NetworkObject[]): void {
    this.objects = objects
    if (this.wanted) this.converge()
  }

  /** There is a pod: the network's namespace stands. */
  start(): void {
    this.wanted = true
    this.converge()
  }

  /** The last pod goes. Resolves when nothing of the resolver is left. */
  async stop(): Promise<void> {
    this.wanted = false
    this.converge()
    await this.running
  }

  /** Looks whether all of it still runs. */
  async check(): Promise<void> {
    if (!this.wanted || this.running || !this.state) return
    for (const record of processesOf(this.state)) if (!(await isServing(record, this.parts.namespace))) return this.converge()
  }

  /** Reads again what lies outside of it, such as whom the host asks. */
  refresh(): void {
    if (this.wanted) this.converge()
  }

  /** Lets the processes run on for the next agent. */
  async leave(): Promise<void> {
    this.left = true
    this.ending.abort()
    this.pauses.end()
    await this.running
    await Promise.all(this.retiring.keys())
  }

  /** Waits until all that was asked for is done, or failed and is tried again. For tests. */
  async settled(): Promise<void> {
    while (this.running) await this.running
  }

  private converge(): void {
    this.changed = true
    this.pauses.end()
    this.running ??= this.work().finally(() => {
      this.running = null
      if (this.changed && !this.left) this.converge()
    })
  }

  private async work(): Promise<void> {
    while (this.changed && !this.left) {
      await delay(Math.min(Math.max(gatherMs, this.computedMs * gatherShare), longestGatherMs))
      this.changed = false
      try {
        await (this.wanted ? this.bring() : this.end())
        if (performance.now() - this.startedAt > steadyMs) this.retryMs = firstRetryMs
        if (this.failures >= troubleAfter) this.parts.onTrouble?.(false)
        this.failures = 0
      } catch (error) {
        this.parts.log.warn({ err: error, namespace: this.parts.namespace, retryMs: this.retryMs }, 'a network\'s resolver is not as it should be; it is tried again')
        this.changed = true
        this.failures += 1
        if (this.wanted && this.failures >= troubleAfter) this.parts.onTrouble?.(true)
        await this.pauses.of(this.retryMs)
        this.retryMs = Math.min(this.retryMs * 2, lastRetryMs)
      }
    }
  }

  private async bring(): Promise<void> {
    const base = this.objects.find((object) => object.kind === 'network')
    if (!base) return
    const state = (this.state ??= await this.open())
    this.gateway = base.subnets.find(({ gateway }) => !gateway.includes(':'))?.gateway ?? ''
    const began = performance.now()
    const files = resolverFiles(base, this.objects, this.parts.nameservers())
    this.computedMs = performance.now() - began
    await this.put('passwd', 'nobody:x:65534:65534::/:\n')
    await this.putAll(files.hosts)
    const old: Helper[] = []
    for (const name of helperNames) old.push(...(await this.bringHelper(state, files, name)))
    const isNew = await this.put('servers', files.servers({ records: state.records?.port ?? null, aliases: state.aliases?.port ?? null }))
    await this.bringNames(state, files, isNew)
    for (const helper of old) this.retire(helper)
  }

  /** Returns the process whose place another took. */
  private async bringHelper(state: Saved, files: ResolverFiles, name: HelperName): Promise<Helper[]> {
    const running = state[name]
    const text = files.helpers[name]
    const serves = running !== null && (await isServing(running, this.parts.namespace))
    if (serves && running.configuration === text?.(running.port)) return []
    if (text === null) state[name] = null
    else {
      const port = await this.freePort(helperPorts[name], serves ? running.port : null)
      const file = `${name}-${port}`
      await this.put(file, text(port))
      state[name] = { ...(await this.launch(state, file, port, text(port), name === 'records' ? dnsmasq(file) : await this.followAliases(file, port))), port }
    }
    await this.save(state)
    return running ? [running] : []
  }

  private async followAliases(file: string, port: number): Promise<string[]> {
    await this.put('aliases.pl', aliasScript)
    return ['perl', `${resolverFolder}/aliases.pl`, String(port), this.gateway, '53', `${resolverFolder}/${file}`]
  }

  /** A port that neither what serves nor what is being retired holds. */
  private async freePort(ports: readonly number[], taken: number | null): Promise<number> {
    for (;;) {
      const held = new Set([taken, ...[...this.retiring].map(([, port]) => port)])
      const free = ports.find((port) => !held.has(port))
      if (free !== undefined) return free
      await Promise.race([...this.retiring].map(([ended]) => ended))
    }
  }

  private async bringNames(state: Saved, { configuration }: ResolverFiles, rereads: boolean): Promise<void> {
    const { names } = state
    const serves = names !== null && (await isServing(names, this.parts.namespace))
    if (serves && names.configuration === configuration) return rereads ? wakeResolver(names) : undefined
    await this.put('names.conf', configuration)
    if (names) await stopResolver(names)
    state.names = null
    state.names = await this.launch(state, 'names.conf', 53, configuration, dnsmasq('names.conf'))
    await this.save(state)
  }

  private launch(state: Saved, name: string, port: number, text: string, command: readonly string[]): Promise<ResolverRecord> {
    const { folder, namespace } = this.parts
    this.startedAt = performance.now()
    return startResolver({ namespace, folder, uid: state.uid, name, command }, port, text, () => void this.check())
  }

  private retire(record: Helper): void {
    const ended = delay(drainMs, undefined, { signal: this.ending.signal, ref: false })
      .catch(() => {})
      .then(() => stopResolver(record))
      .catch((error: unknown) => this.parts.log.warn({ err: error }, 'a resolver could not be ended'))
    this.retiring.set(ended, record.port)
    void ended.finally(() => this.retiring.delete(ended))
  }

  /** Takes up what an earlier agent left, and ends what it did not write down. */
  private async open(): Promise<Saved> {
    const { folder } = this.parts
    const saved = savedState.safeParse(await json(join(folder, 'state.json')))
    const state: Saved = saved.success ? saved.data : { version: 1, uid: jailUid(), names: null, records: null, aliases: null }
    reserveJailUid(state.uid)
    await killStrayResolvers(folder, new Set(processesOf(state).map(({ identity }) => identity.pid)))
    // What another account may read is of no use to this one.
    if (!saved.success) await rm(folder, { recursive: true, force: true })
    await this.make(folder, state.uid)
    await this.make(join(folder, 'hosts'), state.uid)
    await this.save(state)
    return state
  }

  private async make(folder: string, uid: number): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o750 })
    await chown(folder, 0, uid)
  }

  private async end(): Promise<void> {
    const { folder } = this.parts
    this.ending.abort()
    this.ending = new AbortController()
    await Promise.all([...this.retiring.keys(), ...(this.state ? processesOf(this.state).map(stopResolver) : [])])
    const { state } = this
    this.state = null
    this.written.clear()
    await killStrayResolvers(folder, new Set())
    await rm(folder, { recursive: true, force: true })
    if (state) releaseJailUid(state.uid)
  }

  private async save(state: Saved): Promise<void> {
    const file = join(this.parts.folder, 'state.json')
    await writeFile(`${file}.tmp`, JSON.stringify(state), { mode: 0o600 })
    await rename(`${file}.tmp`, file)
  }

  private async putAll(files: ReadonlyMap<string, string>): Promise<void> {
    for (const [name, text] of files) await this.put(join('hosts', name), text)
  }

  /** Puts a file that the resolver reads, whole or not at all. Says whether it is another one than before. */
  private async put(name: string, text: string): Promise<boolean> {
    if (this.written.get(name) === text) return false
    const file = join(this.parts.folder, name)
    const known = this.written.has(name) ? null : await readFile(file, 'utf8').catch(() => null)
    if (known !== text) {
      // dnsmasq takes no file whose name begins with a dot.
      const beside = join(file, '..', `.${name.split('/').at(-1)}`)
      await writeFile(beside, text, { mode: 0o640 })
      await chown(beside, 0, this.state?.uid ?? 0)
      await rename(beside, file)
    }
    this.written.set(name, text)
    return known !== text
  }
}

const processesOf = ({ names, records, aliases }: Saved): ResolverRecord[] => [names, records, aliases].filter((record) => record !== null)

async function json(file: string): Promise<unknown> {
  try {
    return z.unknown().parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    return null
  }
}
