import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { BalancerServerState } from '@/contracts/host/v1/figures'
import type { BalancerModel } from '@/domain/load-balancer/model'
import type { BalancerLogLine } from '@/domain/load-balancer/view'
import { jailUid, releaseJailUid, reserveJailUid } from '@/host/images/jail/jail'
import { Serial } from '@/host/network/serial'
import type { Logger } from '@/platform/logger'
import type { Certificate, Haproxy, HaproxyWanted, PartCounters } from '../ports'
import { CertificateChecks, fileOf } from './certificates'
import { servedListeners, type HaproxyPlan } from './configuration'
import { Draining } from './draining'
import { LastingCounters } from './lasting-counters'
import { LogReader } from './log-reader'
import { MemoryFolder } from './memory-folder'
import { certificateFile, inBalancer } from './places'
import { filesOf, namedParts, problemText, shapeOf } from './planned'
import { checkFiles, drainHaproxy, endHaproxy, isServing, reloadHaproxy, socketOf, startHaproxy, watchHaproxy, type HaproxyRecord } from './process'
import { roomForConnections } from './room'
import { command, longestCommand } from './runtime'
import { savedIn, saveIn, type Saved } from './saved-state'
import { isDone, losing, releasing, runningServers, serverChanges, serversQuestion, stickyCommands, together } from './server-changes'
import { serverFiguresQuestion, serverStates } from './server-figures'
import { placeOfName } from './servers'
import { removeBalancerFolder } from './strays'
import { HaproxyRefused, plainWords } from './words'

/** One that was asked so often, and for so long did not answer, is taken for dead. */
const [mostUnanswered, silentMs] = [3, 30_000]

/**
 * `folder`: of this balancer alone, on a disk; `namespace`: the path of the balancer's network namespace; `onEnd` is told when its process ended by itself. `inTurn` bounds how many of this machine begin
 * or reload at once, which takes a processor: without it all may. `silentMs`: how long a HAProxy may say nothing before it is ended.
 */
export type HaproxyParts = { folder: string; namespace: string; onEnd: () => void; log: Pick<Logger, 'info' | 'warn' | 'error'>; inTurn?: <T>(act: () => Promise<T>) => Promise<T>; silentMs?: number }

/**
 * The HAProxy of one balancer: a process in a jail, in the balancer's namespace. What changes often (servers, their weights, renewed certificates) is told to it as it runs; what is
 * left needs a reload, which no connection notices. What it refuses is thrown with its words, and it goes on with what it had.
 */
export class HaproxyProcess implements Haproxy {
  private state: Saved | null = null
  /** What runs, as far as this agent brought it. */
  private model: BalancerModel | null = null
  private readonly counted = new LastingCounters((question) => this.say(question))
  /** All it has is https without a certificate, or nothing: then nothing runs, as it shall be. */
  private servesNothing = false
  private unanswered = { times: 0, since: 0 }
  private readonly serial = new Serial()
  private readonly checks = new CertificateChecks()
  private readonly logs = new LogReader(() => (this.state?.process ? this.socket('worker') : null))
  private readonly draining = new Draining((text) => this.serial.do(() => {
    const now = this.state?.process ? text() : null
    return now === null ? Promise.resolve('') : this.say(now)
  }))
  constructor(private readonly parts: HaproxyParts) {}

  /** Starts it, takes up what an earlier agent left, or changes what runs. What could not be carried out of it is said for people; null: nothing. */
  bring(wanted: HaproxyWanted): Promise<string | null> {
    return this.serial.do(() => this.bringNow(wanted))
  }

  release(servers: HaproxyWanted['servers']): Promise<void> {
    return this.tell(() => releasing(servers))
  }

  lost(servers: () => HaproxyWanted['servers']): Promise<void> {
    return this.tell(() => losing(servers()))
  }

  private tell(commands: () => readonly string[]): Promise<void> {
    return this.serial.do(async () => {
      if (!this.state?.process) return
      for (const text of together(commands())) await this.say(text)
    })
  }

  async isRunning(): Promise<boolean> {
    if (this.servesNothing) return true
    if (this.isSilent) return false
    const record = this.state ? this.state.process : ((await savedIn(this.parts.folder))?.process ?? null)
    return record !== null && (await isServing(record, this.parts.namespace))
  }

  /** Ends it and all that it has here; what is open may end within `drainMs`. Does nothing where there is none. */
  stop({ drainMs = 0 } = {}): Promise<void> {
    return this.serial.do(async () => {
      const { folder } = this.parts
      const saved = this.state ?? (await savedIn(folder))
      this.draining.clear()
      this.model = null
      this.servesNothing = false
      if (saved?.process) {
        if (drainMs > 0) await drainHaproxy(saved.process, drainMs)
        await endHaproxy(saved.process)
      }
      await removeBalancerFolder(folder)
      this.state = null
      if (saved) releaseJailUid(saved.uid)
    })
  }

  /** Servers that its own checks took out, as `backend/address:port`. */
  async serversDown(): Promise<string[]> {
    return runningServers(await this.say(serversQuestion)).flatMap(({ backend, name, down }) => {
      const place = placeOfName(name)
      // Of a HAProxy that was broken into, what is no server of ours says nothing.
      return down && place !== null && this.model?.backends.some((one) => one.name === backend) ? [`${backend}/${place}`] : []
    })
  }

  async servers(): Promise<BalancerServerState[]> {
    return serverStates(await this.say(serverFiguresQuestion), new Set(this.model?.backends.map(({ name }) => name)))
  }

  /** What passed since HAProxy was started, or taken up by this agent; it never goes back but when it is started anew. Throws {@link NoAnswer} where that cannot be said now. */
  counters(): Promise<PartCounters[]> {
    return this.counted.now(this.model ?? nothingOf)
  }

  log(options: { tailLines: number; follow: boolean }, signal: AbortSignal): AsyncIterable<BalancerLogLine> {
    return this.logs.read(options, signal)
  }

  private async bringNow({ balancer, servers, certificates }: HaproxyWanted): Promise<string | null> {
    const model: BalancerModel = { listeners: balancer.listeners, backends: balancer.backends, options: balancer.options }
    const named = new Set(model.listeners.filter(({ protocol }) => protocol === 'https').flatMap((listener) => listener.certificates))
    const state = (this.state ??= await this.open())
    const { usable, problems } = this.checks.usable(named, await this.withKept(state, named, certificates))
    const plan: HaproxyPlan = { model, servers, certificates: new Set(usable.keys()), stickyKey: createHash('sha256').update(`balancer ${balancer.uid}`).digest('hex').slice(0, 32), room: await roomForConnections() }
    const runs = state.process && !this.isSilent && (await isServing(state.process, this.parts.namespace)) ? state.process : null
    // HAProxy does not run without a listener.
    const servesNothing = servedListeners(model, plan.certificates).length === 0
    if (servesNothing) await this.quit(state)
    else if (runs) {
      await this.counted.base(model)
      await this.change(state, plan, usable, runs)
    } else await this.inTurn(() => this.begin(state, plan, usable))
    this.servesNothing = servesNothing
    this.model = model
    return problemText(model, plan.certificates, problems)
  }

  /** Certificates with those that HAProxy has in memory: an agent that began anew was not told of them yet. */
  private async withKept(state: Saved, named: ReadonlySet<string>, certificates: ReadonlyMap<string, Certificate>): Promise<ReadonlyMap<string, Certificate>> {
    const missing = [...named].filter((id) => !certificates.has(id) && state.certificates[id] !== undefined)
    if (missing.length === 0) return certificates
    const files = await this.files(state).read().catch(() => new Map<string, string>())
    const kept = missing.flatMap((id) => (files.has(certificateFile(id)) ? [{ id, revision: state.certificates[id] ?? '', pem: files.get(certificateFile(id)) ?? '' }] : []))
    return new Map([...certificates, ...kept.map((one) => [one.id, one] as const)])
  }

  private async quit(state: Saved): Promise<void> {
    const { process } = state
    this.draining.clear()
    if (!process) return
    state.process = null
    await endHaproxy(process)
    await this.save(state)
  }

  /** Takes up what an earlier agent left as it is written down, and ends it where it cannot be used. */
  private async open(): Promise<Saved> {
    const { folder, namespace } = this.parts
    const saved = await savedIn(folder)
    const runs = saved?.process && (await isServing(saved.process, namespace)) && (await this.files(saved).isThere()) ? saved.process : null
    if (saved?.process && !runs) await endHaproxy(saved.process)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    if (runs) watchHaproxy(runs, () => this.ended(runs))
    if (runs) this.counted.runs('before')
    const state: Saved = saved ? { ...saved, process: runs } : { version: 1, uid: jailUid(), process: null, shape: '', certificates: {} }
    // As long as it is here, it is nobody else's account.
    reserveJailUid(state.uid)
    return state
  }

  private async begin(state: Saved, plan: HaproxyPlan, certificates: ReadonlyMap<string, Certificate>): Promise<void> {
    if (state.process && this.isSilent) this.parts.log.error({ folder: this.parts.folder }, 'the HAProxy of a balancer runs and answers nothing any more: it is ended and begun anew')
    await this.quit(state)
    this.counted.runs('nothing')
    this.unanswered = { times: 0, since: 0 }
    const files = this.files(state)
    await files.make()
    await this.save(state)
    await files.put(filesOf(plan, certificates))
    const record = await startHaproxy(this.parts.namespace, { files: files.now, uid: state.uid }, () => this.ended(record))
    state.process = record
    await this.now(state, plan, certificates)
    this.logs.another()
  }

  private ended(record: HaproxyRecord): void {
    // One that was stopped or replaced is missed by nobody.
    if (this.state?.process?.identity.pid === record.identity.pid && this.state.process.identity.startTicks === record.identity.startTicks) this.parts.onEnd()
  }

  private async change(state: Saved, plan: HaproxyPlan, certificates: ReadonlyMap<string, Certificate>, process: HaproxyRecord): Promise<void> {
    const renewed = [...certificates.values()].filter(({ id, revision }) => state.certificates[id] !== revision)
    if (shapeOf(plan) !== state.shape || renewed.some((certificate) => fileOf(certificate).length > longestCommand)) return this.inTurn(() => this.reload(state, plan, certificates, process))
    for (const certificate of renewed) await this.renew(state, certificate)
    await this.changeServers(plan)
  }

  /** The new key serves whoever connects from now on; nobody else notices. */
  private async renew(state: Saved, certificate: Certificate): Promise<void> {
    const name = certificateFile(certificate.id)
    const set = await this.say(`set ssl cert ${inBalancer(name)} <<\n${fileOf(certificate)}`)
    const committed = set.includes('Transaction created') || set.includes('Transaction updated') ? await this.say(`commit ssl cert ${inBalancer(name)}`) : set
    if (!committed.includes('Success!')) {
      await this.say(`abort ssl cert ${inBalancer(name)}`)
      throw new HaproxyRefused(`HAProxy refuses the certificate ${certificate.id}, and serves the one before: ${plainWords(committed)}`)
    }
    await this.files(state).put(new Map([[name, fileOf(certificate)]]))
    state.certificates[certificate.id] = certificate.revision
    await this.save(state)
  }

  private async changeServers({ model, servers, stickyKey }: HaproxyPlan): Promise<void> {
    const { commands, leaving } = serverChanges(model.backends, servers, runningServers(await this.say(serversQuestion)))
    for (const text of together([...commands, ...stickyCommands(model.backends, commands, stickyKey)])) {
      const answer = await this.say(text)
      if (!isDone(answer)) throw new HaproxyRefused(`HAProxy refuses a change of its servers: ${plainWords(answer)}`)
    }
    this.draining.set(leaving, model.options.drainSeconds * 1000)
  }

  private async reload(state: Saved, plan: HaproxyPlan, certificates: ReadonlyMap<string, Certificate>, process: HaproxyRecord): Promise<void> {
    const files = this.files(state)
    const coming = filesOf(plan, certificates)
    await files.tried(coming, (folder) => checkFiles({ files: folder, uid: process.uid }))
    const before = await files.read()
    await this.logs.keep()
    try {
      await this.counted.through({ was: this.model ?? nothingOf, stay: namedParts(plan.model) }, async () => {
        await files.put(coming)
        await reloadHaproxy(files.now)
      })
    } catch (error) {
      await this.putBack(files, before)
      throw error
    }
    await files.keep(coming)
    // Who was leaving stays with the old process, which ends by itself.
    this.draining.clear()
    await this.now(state, plan, certificates)
    this.logs.another()
  }

  /** What came first makes room for what was, which may have been put in part alone for want of it. */
  private async putBack(files: MemoryFolder, before: ReadonlyMap<string, string>): Promise<void> {
    try {
      await files.keep(before)
      await files.put(before)
    } catch (error) {
      this.parts.log.error({ err: error, folder: this.parts.folder }, 'the files of a balancer could not be put back: its HAProxy serves on with what it has read')
    }
  }

  private inTurn<T>(act: () => Promise<T>): Promise<T> {
    return this.parts.inTurn ? this.parts.inTurn(act) : act()
  }

  private get isSilent(): boolean {
    const { times, since } = this.unanswered
    return times >= mostUnanswered && performance.now() - since > (this.parts.silentMs ?? silentMs)
  }

  /** It runs with this. */
  private async now(state: Saved, plan: HaproxyPlan, certificates: ReadonlyMap<string, Certificate>): Promise<void> {
    state.shape = shapeOf(plan)
    state.certificates = Object.fromEntries([...certificates.values()].map(({ id, revision }) => [id, revision]))
    await this.save(state)
  }

  private files({ uid }: Pick<Saved, 'uid'>): MemoryFolder {
    return new MemoryFolder(join(this.parts.folder, 'memory'), uid)
  }

  private socket(name: 'worker' | 'master'): string {
    return socketOf(new MemoryFolder(join(this.parts.folder, 'memory'), 0).now, name)
  }

  private async say(text: string): Promise<string> {
    try {
      const answer = await command(this.socket('worker'), text)
      this.unanswered = { times: 0, since: 0 }
      return answer
    } catch (error) {
      this.unanswered = { times: this.unanswered.times + 1, since: this.unanswered.since || performance.now() }
      throw error
    }
  }

  private save(state: Saved): Promise<void> {
    return saveIn(this.parts.folder, state)
  }
}

const nothingOf = { listeners: [], backends: [] }
