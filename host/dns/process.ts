import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { open, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { lastWords } from '@/host/hypervisor/launch'
import { identifyProcess, isRunning, killProcess, ProcessIdentity, userOf, waitUntilGone } from '@/host/hypervisor/process-identity'
import { isWithin, placeMountedAt, placeOf } from '@/host/hypervisor/vm-place'
import { inGroup, removeJailGroup } from '@/host/images/jail/group'
import { codeOf } from '@/platform/error-code'
import { isResolverUid, jailedResolver, resolverFolder, resolverLimits, type ResolverJail } from './jail'

const startsWithinMs = 10_000
const endsWithinMs = 2_000

/** A resolver's process as it is written down for the next agent. `namespace` is the inode of the network namespace in which it was started; `group` is what its control group is called. */
export const ResolverRecord = z.object({ identity: ProcessIdentity, uid: z.number().int(), namespace: z.number(), configuration: z.string(), group: z.string().regex(/^resolver-[0-9a-f]+$/).optional() })
export type ResolverRecord = z.infer<typeof ResolverRecord>

const bwrapInfo = z.object({ 'child-pid': z.number().int().positive() })

/** What names a network namespace for ever; null where there is none of that path. */
export const namespaceInode = (path: string): Promise<number | null> => stat(path).then(({ ino }) => ino, () => null)

/**
 * Starts a resolver with a configuration that lies in the jail's folder, and resolves once it listens on `port`: what is asked from then on is answered. `onEnd` is told
 * when it has ended. Throws with its last words, and leaves nothing of it.
 */
export async function startResolver(jail: ResolverJail, port: number, text: string, onEnd: () => void): Promise<ResolverRecord> {
  const namespace = await namespaceInode(jail.namespace)
  if (namespace === null) throw new Error(`there is no network namespace ${jail.namespace}`)
  const group = `resolver-${randomBytes(6).toString('hex')}`
  const { command, args, leave } = await inGroup(resolverLimits, jailedResolver(jail), group)
  const stderrFile = join(jail.folder, `${jail.name}.stderr`)
  const stderr = await open(stderrFile, 'w', 0o600)
  try {
    const child = spawn(command, args, { detached: true, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', NODE_ENV: process.env.NODE_ENV, LANG: 'C.UTF-8' }, stdio: ['ignore', 'ignore', stderr.fd, 'pipe'] })
    const ended = endOf(child)
    void ended.then(leave).catch(() => {})
    const identity = await identityOf(child, ended)
    if (!identity || !(await listens(identity, jail.uid, port, ended))) {
      if (identity) await killProcess(identity)
      child.kill('SIGKILL')
      await ended
      throw new Error(`the resolver did not start: ${(await lastWords(stderrFile)).split('\n').at(-1) || 'it ended without a word'}`)
    }
    child.unref()
    void ended.then(onEnd)
    return { identity, uid: jail.uid, namespace, configuration: text, group }
  } finally {
    await stderr.close()
  }
}

const endOf = (child: ChildProcess) => new Promise<void>((resolve) => {
  child.once('error', () => resolve())
  child.once('exit', () => resolve())
})

/** The program itself, which bubblewrap names by its pid on the host. */
async function identityOf(child: ChildProcess, ended: Promise<void>): Promise<ProcessIdentity | undefined> {
  const pipe = child.stdio[3] as Readable | undefined
  if (!pipe) return undefined
  const told = await Promise.race([text(pipe), ended.then(() => delay(100, '')), delay(startsWithinMs, '', { ref: false })])
  const info = bwrapInfo.safeParse(jsonOf(told))
  return info.success ? identifyProcess(info.data['child-pid']) : undefined
}

function jsonOf(line: string): unknown {
  try {
    return z.unknown().parse(JSON.parse(line))
  } catch {
    return null
  }
}

/** Whether it has its socket within the time. The kernel's table names a socket's port and account. */
async function listens({ pid }: ProcessIdentity, uid: number, port: number, ended: Promise<void>): Promise<boolean> {
  const socket = new RegExp(`^\\s*\\d+: [0-9A-F]+:${port.toString(16).toUpperCase().padStart(4, '0')} (?:\\S+ ){5}\\s*${uid} `, 'm')
  let gone = false
  void ended.then(() => (gone = true))
  for (const deadline = performance.now() + startsWithinMs; !gone && performance.now() < deadline; await delay(5)) {
    const tables = await Promise.all(['udp', 'udp6'].map((name) => readFile(`/proc/${pid}/net/${name}`, 'utf8').catch(() => '')))
    if (tables.some((table) => socket.test(table.replaceAll(/ +/g, ' ')))) return true
  }
  return false
}

/** Whether it runs, and where its network now is. */
export const isServing = async ({ identity, uid, namespace }: ResolverRecord, path: string): Promise<boolean> => (await isRunning(identity, uid)) && namespace === (await namespaceInode(path))

/** Makes it read its files again. */
export function wakeResolver({ identity }: ResolverRecord): void {
  try {
    process.kill(identity.pid, 'SIGHUP')
  } catch (error) {
    // Its end is seen elsewhere.
    if (codeOf(error) !== 'ESRCH') throw error
  }
}

/** Ends it, and removes its control group: whoever waited for its end may have died. What it was answering is answered first where it can. */
export async function stopResolver({ identity, uid, group }: ResolverRecord): Promise<void> {
  await endResolver(identity, uid)
  if (group !== undefined) await removeJailGroup(group)
}

async function endResolver(identity: ProcessIdentity, uid: number): Promise<void> {
  if (!(await isRunning(identity, uid))) return
  try {
    process.kill(identity.pid, 'SIGTERM')
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error
  }
  if (await waitUntilGone(identity, endsWithinMs)) return
  await killProcess(identity)
  await waitUntilGone(identity, endsWithinMs)
}

/** Kills every resolver that was started with a folder of these (`folder` or below) but `kept`: of such an agent's that died before it could write them down. Returns how many. */
export async function killStrayResolvers(folder: string, kept: ReadonlySet<number>): Promise<number> {
  const ours = await placeOf(folder)
  const isOurs = async (pid: number, uid: number): Promise<boolean> => {
    if (uid === 0) return isBegun(pid, folder)
    const place = isResolverUid(uid) ? await placeMountedAt(pid, resolverFolder) : undefined
    return place !== undefined && isWithin(place, ours)
  }
  let killed = 0
  for (const name of await readdir('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid) || kept.has(pid)) continue
    const uid = await userOf(pid)
    if (uid === undefined || !(await isOurs(pid, uid))) continue
    const identity = await identifyProcess(pid)
    const group = identity && (await groupOf(pid))
    if (!identity || !(await killProcess(identity))) continue
    killed += 1
    await waitUntilGone(identity, endsWithinMs)
    if (group !== undefined) await removeJailGroup(group)
  }
  return killed
}

/**
 * Whether it is bubblewrap on its way to a jail of this folder, or below, that outlives the agent: root still, and the first process of its pid namespace (proc_pid_status(5)). Of an agent that was killed in that moment it waits for ever: its other half, in the host's
 * namespace, could tell nobody of it and ended (`--info-fd`), and it waits for that one's word.
 */
export async function isBegun(pid: number, folder: string): Promise<boolean> {
  const [words, status] = await Promise.all(['cmdline', 'status'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')))
  const [program, ...args] = (words ?? '').split('\0')
  return program === 'bwrap' && /^NSpid:\t\d+\t1$/m.test(status ?? '') && args.some((one) => one === folder || one.startsWith(`${folder}/`))
}

/** What the control group of a resolver is called: the last part of its path in any hierarchy (cgroups(7), /proc/pid/cgroup). */
const groupOf = async (pid: number): Promise<string | undefined> => /\/(resolver-[0-9a-f]+)$/m.exec(await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => ''))?.[1]
