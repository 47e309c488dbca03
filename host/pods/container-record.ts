import { z } from 'zod'
import { podContainers, type ContainerRole, type ContainerSpec, type PodSpec } from '@/domain/pod/spec'
import { containerStatus, waitingStatus, type ContainerEnd } from '@/domain/pod/status'
import { restartBackoff } from './backoff'
import { policyOf } from './lifecycle/phases'
import type { GuestExit } from './ports'
import { storableText } from './storable-text'

/** What the host knows of one container across its restarts, the VM's and its own. Times are milliseconds since 1970. */
export const containerRecord = z.object({
  status: containerStatus,
  /** How often a start was tried. */
  starts: z.number().int(),
  /** It is not started again: it ended and the policy says so. */
  done: z.boolean(),
  /** No start before this time; null: at once. */
  notBefore: z.number().nullable(),
  nextBackoffMs: z.number(),
})
export type ContainerRecord = z.infer<typeof containerRecord>
type RestartPolicy = PodSpec['restartPolicy']

/** What a status may say, so that the next run of the agent can read the record. Characters. */
const maxMessage = 4096
/** Room for what follows the message of an end. */
const maxCause = maxMessage - 512
const iso = (ms: number) => new Date(ms).toISOString()
const seconds = (ms: number) => `${Math.round(ms / 1000)} s`

const recordOf = (spec: ContainerSpec, role: ContainerRole, isInitialized: boolean): ContainerRecord => ({
  status: waitingStatus(spec.name, spec.image, role, role === 'container' && !isInitialized ? 'PodInitializing' : 'ContainerCreating'),
  starts: 0,
  done: false,
  notBefore: null,
  nextBackoffMs: 0,
})

export const newRecord = (spec: ContainerSpec): ContainerRecord => recordOf(spec, 'container', true)

/** The containers of a pod that have not been tried. */
export const newRecords = (pod: PodSpec): ContainerRecord[] => podContainers(pod).map(({ spec, role }) => recordOf(spec, role, pod.initContainers.length === 0))

/** Another VM is started for the pod: its init containers run again, as Kubernetes runs them again in a new sandbox. */
export const inNewVm = (record: ContainerRecord): ContainerRecord =>
  record.status.role === 'init' ? { ...record, done: false, status: { ...record.status, ready: false } } : { ...record, status: { ...record.status, started: record.done && record.status.started } }

/** The start is being tried. */
export function creating(record: ContainerRecord): ContainerRecord {
  const lastEnd = record.status.state === 'Terminated' ? endOf(record.status) : record.status.lastEnd
  return { ...record, notBefore: null, status: { ...record.status, lastEnd, state: 'Waiting', ready: false, started: false, reason: 'ContainerCreating', message: '' } }
}

/** The start waits for something, such as a Secret; it is tried again by itself. */
export function waiting(record: ContainerRecord, reason: string, message: string): ContainerRecord {
  return { ...record, status: { ...record.status, reason: storableText(reason, 128), message: storableText(message, maxMessage) } }
}

function endOf({ exitCode, signal, reason, message, startedAt, finishedAt, lastLines, terminationMessage }: ContainerRecord['status']): ContainerEnd {
  return { exitCode: exitCode ?? 0, signal, reason, message: storableText(message, maxMessage), startedAt, finishedAt: finishedAt ?? '', lastLines, terminationMessage }
}

/** The process runs. What has a startup or readiness probe waits for it. */
export function started(record: ContainerRecord, imageDigest: string, now: number, waits: { startup: boolean; readiness: boolean } = { startup: false, readiness: false }): ContainerRecord {
  const status = {
    ...{ ...record.status, imageDigest, state: 'Running' as const, ready: !waits.startup && !waits.readiness, started: !waits.startup, reason: '', message: '' },
    ...{ restartCount: record.starts, startedAt: iso(now), finishedAt: null, lastLines: [], terminationMessage: '' },
  }
  return { ...record, starts: record.starts + 1, status }
}

type End = { exitCode: number; signal: number | null; reason: string; message: string; at: number; killed?: boolean } & LastWords
/** What an instance left behind at its end. */
export type LastWords = { lastLines: string[]; terminationMessage: string }
export const noWords: LastWords = { lastLines: [], terminationMessage: '' }

/** What follows the end of a container by the pod's restart policy. */
function ended(record: ContainerRecord, told: End, policy: RestartPolicy): ContainerRecord {
  const end = { ...told, reason: storableText(told.reason, 128), message: storableText(told.message, maxCause) }
  const { lastLines, terminationMessage } = end
  const status = { ...record.status, ready: false, started: false, exitCode: end.exitCode, signal: end.signal, finishedAt: iso(end.at), lastLines, terminationMessage }
  const own = policyOf(status.role, policy)
  // What was ended for a failed probe or hook has failed, whatever its exit code says.
  const restarts = own === 'Always' || (own === 'OnFailure' && (end.exitCode !== 0 || end.killed === true))
  if (!restarts) return { ...record, done: true, notBefore: null, status: { ...status, state: 'Terminated', reason: end.reason, message: end.message } }
  const ranMs = status.startedAt && record.status.state === 'Running' ? end.at - Date.parse(status.startedAt) : 0
  const { delayMs, nextMs } = restartBackoff(record.nextBackoffMs, ranMs)
  const next = { ...record, nextBackoffMs: nextMs, notBefore: end.at + delayMs }
  if (delayMs === 0) return { ...next, status: { ...status, state: 'Terminated', reason: end.reason, message: end.message } }
  const lastEnd = endOf({ ...status, reason: end.reason, message: end.message })
  const message = `${end.message} It is started again ${seconds(delayMs)} after that, for ${status.role === 'sidecar' ? 'it is a sidecar' : `the restart policy is ${policy}`}. Look at its logs for the cause.`
  return { ...next, status: { ...status, lastEnd, state: 'Waiting', reason: 'CrashLoopBackOff', message } }
}

/**
 * When the guest says that it ended, held between the start and now by the host's own clock: the guest is the tenant's,
 * and its word must neither reset the back-off nor put off the next start.
 */
const endTime = (record: ContainerRecord, claimed: number, now: number): number => {
  const { startedAt } = record.status
  return Math.max(startedAt ? Math.min(Date.parse(startedAt), now) : now, Math.min(claimed, now))
}

/** Why the host ended an instance, such as a failed probe. */
export type KillCause = { reason: string; message: string }

/** What a probe or a hook found of an instance that runs. */
export function found(record: ContainerRecord, change: { started?: boolean; ready: boolean; message?: string }): ContainerRecord {
  return { ...record, status: { ...record.status, ...change, message: storableText(change.message ?? record.status.message, maxMessage) } }
}

/** The process has ended by itself, or was ended for `cause`. `now` is the host's clock. */
export function exited(record: ContainerRecord, exit: GuestExit, policy: RestartPolicy, now = Date.now(), words: LastWords = noWords, cause: KillCause | null = null): ContainerRecord {
  const { startedAt, name } = record.status
  const at = endTime(record, exit.at, now)
  const ran = startedAt ? ` after ${seconds(Math.max(0, at - Date.parse(startedAt)))}` : ''
  const how = exit.signal === null ? `exited with code ${exit.exitCode}` : `was ended by signal ${exit.signal}`
  if (cause && !exit.oomKilled) return ended(record, { exitCode: exit.exitCode, signal: exit.signal, ...cause, at, killed: true, ...words }, policy)
  const message = exit.oomKilled
    ? `Container "${name}" used more memory than its limit and was killed${ran}. Raise resources.limits.memory or let it use less.`
    : `Container "${name}" ${how}${ran}.`
  const reason = exit.oomKilled ? 'OOMKilled' : exit.exitCode === 0 ? 'Completed' : 'Error'
  return ended(record, { exitCode: exit.exitCode, signal: exit.signal, reason, message, at, ...words }, policy)
}

const refusals: Record<string, { exitCode: number; reason: string; action: string }> = {
  ExecutableNotFound: { exitCode: 127, reason: 'ExecutableNotFound', action: 'Correct command or args, or choose an image that has it.' },
  NotExecutable: { exitCode: 126, reason: 'NotExecutable', action: 'Correct command or args, or make the file executable in the image.' },
  BadWorkingDirectory: { exitCode: 128, reason: 'BadWorkingDirectory', action: 'Correct workingDir.' },
  UserNotFound: { exitCode: 128, reason: 'UserNotFound', action: 'Set securityContext.runAsUser, or choose an image that has this user.' },
}

/** The start was refused, by the guest or for what the pod says. Counts as an end, so that the restart policy decides. */
export function refused(record: ContainerRecord, problem: { code: string; message: string }, policy: RestartPolicy, now: number): ContainerRecord {
  const known = refusals[problem.code] ?? { exitCode: 128, reason: problem.code === 'NoCommand' ? 'NoCommand' : 'StartError', action: '' }
  const cause = problem.message.replace(/[.\s]*$/, '.')
  const message = `Container "${record.status.name}" could not be started: ${cause} ${known.action}`.trim()
  const tried = { ...record, starts: record.starts + 1, status: { ...record.status, restartCount: record.starts } }
  return ended(tried, { exitCode: known.exitCode, signal: null, reason: known.reason, message, at: now, ...noWords }, policy)
}

/** The VM ended under a container that ran. */
export function vmLost(record: ContainerRecord, cause: string, policy: RestartPolicy, now: number): ContainerRecord {
  if (record.done || record.status.state !== 'Running') return record
  return ended(record, { exitCode: 137, signal: 9, reason: 'VMFailed', message: `The virtual machine ended under container "${record.status.name}": ${cause}.`, at: now, ...noWords }, policy)
}

/** Stopped by us, to be started again when the pod is. */
export function stopped(record: ContainerRecord, exit: GuestExit | null, reason: string, now: number, words: LastWords = noWords): ContainerRecord {
  if (record.done) return record
  const status = { ...record.status, ...words, state: 'Terminated' as const, ready: false, started: false, exitCode: exit?.exitCode ?? 137, signal: exit?.signal ?? null, reason: storableText(reason, 128), message: '', finishedAt: iso(exit ? endTime(record, exit.at, now) : now) }
  if (record.status.state !== 'Running') return { ...record, notBefore: null }
  return { ...record, notBefore: null, nextBackoffMs: 0, status }
}
