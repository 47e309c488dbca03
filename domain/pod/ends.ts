import type { ContainerEnd, ContainerStatus } from './status'

/** How an instance of a container ended: its own status once it is Terminated, or the end of the one before it. */
export type End = Pick<ContainerEnd, 'exitCode' | 'signal' | 'reason' | 'message' | 'startedAt' | 'finishedAt' | 'lastLines' | 'terminationMessage'>

/** Names of Linux's signals, as kill(1) knows them. Source: signal(7), x86 and ARM. */
const signals: Readonly<Record<number, string>> = {
  1: 'SIGHUP', 2: 'SIGINT', 3: 'SIGQUIT', 4: 'SIGILL', 5: 'SIGTRAP', 6: 'SIGABRT', 7: 'SIGBUS', 8: 'SIGFPE', 9: 'SIGKILL', 10: 'SIGUSR1', 11: 'SIGSEGV',
  12: 'SIGUSR2', 13: 'SIGPIPE', 14: 'SIGALRM', 15: 'SIGTERM', 16: 'SIGSTKFLT', 19: 'SIGSTOP', 24: 'SIGXCPU', 25: 'SIGXFSZ', 31: 'SIGSYS',
}

/** What a signal usually tells, as the rest of "It was ended by SIGKILL: …". */
const signalMeanings: Readonly<Record<number, string>> = {
  1: 'its terminal went away, or it was told to read its configuration again and does not handle that',
  2: 'it was interrupted',
  3: 'it was told to quit',
  4: 'it ran an instruction that the processor does not have; an image for another processor or a build for a newer one does that',
  6: 'it aborted by itself, usually after a failed assertion',
  7: 'it touched memory that is not there, such as a mapped file that was cut short',
  8: 'it divided by zero or overflowed',
  9: 'it was killed without a chance to clean up',
  11: 'it touched memory that is not its own; a fault of the program',
  13: 'it wrote to a pipe or connection that nobody reads any more',
  15: 'it was told to stop',
  25: 'it wrote a file larger than it may',
  31: 'it made a system call that the seccomp profile refuses',
}

/** What an exit code usually means. Sources: POSIX shell (126, 127, 128 + n) and sysexits.h (64 to 78). */
const codeMeanings: Readonly<Record<number, string>> = {
  1: 'a general error; its last lines usually tell which',
  2: 'wrong arguments, or an error that the program tells apart by this number',
  64: 'wrong arguments',
  65: 'its input was wrong',
  66: 'an input file is missing',
  69: 'a service that it needs is not there',
  70: 'an error inside the program',
  71: 'an error of the operating system',
  73: 'it could not create a file',
  74: 'an error of input or output',
  75: 'a failure that passes; trying again may help',
  77: 'it lacks a permission',
  78: 'its configuration is wrong',
  125: 'the runtime could not set the container up',
  126: 'the program was found but may not be run',
  127: 'the program was not found',
  128: 'the container could not be started',
  255: 'an error outside the range of exit codes, often −1',
}

/** The name of a signal: 9 is "SIGKILL", 34 and above are real-time signals. */
export const signalName = (signal: number): string => signals[signal] ?? (signal >= 34 && signal <= 64 ? `SIGRTMIN+${signal - 34}` : `signal ${signal}`)

/** The signal of an end: told as one, or by a shell's exit code of 128 + n. */
export function signalOf(end: Pick<End, 'exitCode' | 'signal'>): number | null {
  if (end.signal !== null) return end.signal
  const n = end.exitCode - 128
  return n >= 1 && n <= 31 && signals[n] !== undefined ? n : null
}

const startReasons: Readonly<Record<string, string>> = {
  ExecutableNotFound: 'Its program does not exist in the image',
  NotExecutable: 'Its program may not be run',
  BadWorkingDirectory: 'Its working directory does not exist in the image',
  UserNotFound: 'The user that it shall run as does not exist in the image',
  NoCommand: 'Neither the pod nor the image names a program to run',
  StartError: 'It could not be started',
  ContainerCannotRun: 'It could not be started',
}

const killReasons: Readonly<Record<string, string>> = {
  DeadlineExceeded: 'The pod’s activeDeadlineSeconds were over, so it was stopped',
  Evicted: 'It used more scratch disk than its limits allow, so the pod was stopped',
  Unhealthy: 'Its liveness or startup probe failed too often, so it was stopped',
  PostStartHookError: 'Its postStart hook failed, so it was stopped',
  HostStopped: 'Its host was stopped',
  VMFailed: 'Its virtual machine ended',
}

/**
 * The cause of an end in one sentence: the reason where it says more than the number, else the signal's or the exit
 * code's usual meaning. `memoryLimit` is the container's own limit as a quantity.
 */
export function describeEnd(end: Pick<End, 'exitCode' | 'signal' | 'reason'>, memoryLimit?: string): string {
  if (end.reason === 'OOMKilled') return memoryLimit ? `It needed more memory than its limit of ${memoryLimit}, so the kernel killed it (OOMKilled).` : 'It needed more memory than its virtual machine has, so the kernel killed it (OOMKilled).'
  const start = told(startReasons, end.reason)
  if (start) return `${start} (exit code ${end.exitCode}).`
  const kill = told(killReasons, end.reason)
  if (kill) return `${kill} (${numberOf(end)}).`
  const signal = signalOf(end)
  if (signal !== null) return `It was ended by ${signalName(signal)}${signalMeanings[signal] ? `: ${signalMeanings[signal]}` : ''} (${end.signal === null ? `exit code ${end.exitCode}` : `signal ${signal}`}).`
  if (end.exitCode === 0) return 'It ended by itself without an error (exit code 0).'
  const meaning = codeMeanings[end.exitCode]
  return `It ended by itself with exit code ${end.exitCode}${meaning ? `: ${meaning}` : ''}.`
}

/** A reason comes from elsewhere and may be the name of what every object has. */
const told = (sentences: Readonly<Record<string, string>>, reason: string): string | undefined => (Object.hasOwn(sentences, reason) ? sentences[reason] : undefined)

const numberOf = (end: Pick<End, 'exitCode' | 'signal'>): string => (end.signal === null ? `exit code ${end.exitCode}` : signalName(end.signal))

/** In a few words, for a table: "exit code 3", "SIGKILL", "OOMKilled". */
export function shortEnd(end: Pick<End, 'exitCode' | 'signal' | 'reason'>): string {
  const number = numberOf(end)
  return end.reason === '' || end.reason === 'Error' || end.reason === 'Completed' ? number : `${end.reason}, ${number}`
}

/** The last end that is known of a container: its own, or that of the instance before it; null where it never ended. */
export function lastEndOf(container: ContainerStatus): End | null {
  // A container that waits to be started again carries its end itself where the host keeps no end of its own.
  const ended = container.state === 'Terminated' || (container.state === 'Waiting' && !container.lastEnd && container.exitCode !== null && container.finishedAt !== null)
  if (!ended) return container.lastEnd
  const { exitCode, signal, message, startedAt, finishedAt, lastLines, terminationMessage } = container
  const reason = container.state === 'Waiting' ? '' : container.reason
  return { exitCode: exitCode ?? 0, signal, reason, message, startedAt, finishedAt: finishedAt ?? '', lastLines, terminationMessage }
}

export type Crash = { container: ContainerStatus; end: End; /** It waits before it is started again. */ waiting: boolean }

/** Reasons for which a container was stopped that are a fault whatever its process made of it: many end with code 0 when they are told to stop. */
const faults: ReadonlySet<string> = new Set(['OOMKilled', 'Unhealthy', 'PostStartHookError', 'DeadlineExceeded', 'Evicted', 'VMFailed'])
const isBad = (end: Pick<End, 'exitCode' | 'signal' | 'reason'>): boolean => end.exitCode !== 0 || end.signal !== null || faults.has(end.reason)

/**
 * The containers whose end a person should look at: ended badly, waiting to be started again, or running again after a
 * bad end. A container that has run well for longer than `forgetAfterMs` since is left out; `now` is in ms.
 */
export function crashesOf(containers: readonly ContainerStatus[], now: number, forgetAfterMs = 10 * 60_000): Crash[] {
  return containers.flatMap((container) => {
    const end = lastEndOf(container)
    if (!end) return []
    const waiting = container.state === 'Waiting' && container.reason === 'CrashLoopBackOff'
    if (!isBad(end) && !waiting) return []
    const well = container.state === 'Running' && container.startedAt !== null && now - Date.parse(container.startedAt) > forgetAfterMs
    return well ? [] : [{ container, end, waiting }]
  })
}
