import * as os from 'qjs:os'
import { Channel } from '@/contracts/guest/v1/frame'
import { GuestError } from '@/guest/errors'
import { readNumber, readText } from '@/guest/files'
import { Input } from '@/guest/input'
import type { Link } from '@/guest/link'
import { Output } from '@/guest/outputs'
import { pause } from '@/guest/pause'
import { adopting, waitFor, type Exit } from '@/guest/processes'

export interface TerminalSize {
  columns: number
  rows: number
}

export interface Launch {
  /** A folder of this process alone: crun's log, the pid file, the terminal's name. */
  folder: string
  /** What comes before crun in the argument list. */
  before: readonly string[]
  /** crun's command and options before its last argument, free of blanks. */
  command: readonly string[]
  container: string
  stream: number
  stdin: boolean
  terminal: TerminalSize | null
  /** Whether its output is kept while no host is there. */
  kept: boolean
}

/** A process in a container and its streams. */
export interface Launched {
  /** The process itself, as the guest's root sees it. */
  pid: number
  stdin: Input | undefined
  outputs: readonly Output[]
  terminalName: string | undefined
  exit: Promise<Exit>
}

const pollMilliseconds = 10

function crunArguments(launch: Launch, detached: boolean): string[] {
  const detach = detached ? ['--detach'] : []
  return ['crun', `--log=${launch.folder}/log`, ...launch.command, ...detach, `--pid-file=${launch.folder}/pid`, launch.container]
}

function commandLine(launch: Launch): { args: string[]; env: Record<string, string> } {
  const env: Record<string, string> = { PATH: '/bin', HOME: '/', _LIBCONTAINER_CLONED_BINARY: '1' }
  if (!launch.terminal) return { args: [...launch.before, ...crunArguments(launch, true)], env }
  env.TERMINAL_ROWS = String(launch.terminal.rows)
  env.TERMINAL_COLUMNS = String(launch.terminal.columns)
  env.TERMINAL_NAME_FILE = `${launch.folder}/terminal`
  env.TERMINAL_COMMAND = crunArguments(launch, false).join(' ')
  return { args: [...launch.before, 'script', '-qefc', '/libexec/terminal', '/dev/null'], env }
}

function pipe(): [readEnd: number, writeEnd: number] {
  const ends = os.pipe()
  if (!ends) throw new GuestError('Unavailable', 'the guest has no file descriptors left', 'pipe')
  return ends
}

interface Spawned {
  pid: number
  stdin: Input | undefined
  outputs: Output[]
}

interface SpawnOptions {
  args: string[]
  env: Record<string, string>
  stream: number
  stdin: boolean
  /** Without a stream of its own, what it complains about goes with its output. */
  stderr: boolean
  kept: boolean
}

function spawn({ args, env, stream, stdin, stderr: apart, kept }: SpawnOptions, link: Link): Spawned {
  const [stdinRead, stdinWrite] = stdin ? pipe() : [os.open('/dev/null', os.O_RDONLY), undefined]
  const stdout = pipe()
  const stderr = apart ? pipe() : undefined
  const pid = os.exec(args, { block: false, env, stdin: stdinRead, stdout: stdout[1], stderr: stderr?.[1] ?? stdout[1] })
  os.close(stdinRead)
  os.close(stdout[1])
  if (stderr) os.close(stderr[1])
  const outputs = [new Output(link, stream, Channel.stdout, stdout[0], kept)]
  if (stderr) outputs.push(new Output(link, stream, Channel.stderr, stderr[0], kept))
  return { pid, outputs, stdin: stdinWrite === undefined ? undefined : new Input(link, stream, stdinWrite) }
}

function spawnLaunch(launch: Launch, link: Link): Spawned {
  return spawn({ ...commandLine(launch), stream: launch.stream, stdin: launch.stdin, stderr: !launch.terminal, kept: launch.kept }, link)
}

/** Runs a program of the guest's own with streams of the host's. */
export function spawnProcess(options: Omit<SpawnOptions, 'env' | 'kept'>, link: Link): Launched {
  const spawned = spawn({ ...options, env: { PATH: '/bin', HOME: '/' }, kept: false }, link)
  return { ...spawned, terminalName: undefined, exit: waitFor(spawned.pid) }
}

/** The cause crun gives, in the wire's vocabulary; crun has no codes, so its text decides. */
function crunError(launch: Launch): GuestError {
  const text = readText(`${launch.folder}/log`, 4000) ?? ''
  const last = text.trim().split('\n').at(-1) ?? ''
  const message = last.replace(/^\S+\s+(?=\w)/, '').replace(/^\[?error\]?:?\s*/i, '') || 'the container runtime ended without a word'
  if (/chdir|working directory|cwd/i.test(last)) return new GuestError('BadWorkingDirectory', message, launch.container)
  if (/not executable|permission denied|exec format/i.test(last)) return new GuestError('NotExecutable', message, launch.container)
  if (/executable file|no such file/i.test(last)) return new GuestError('ExecutableNotFound', message, launch.container)
  return new GuestError('RuntimeFailed', message, launch.container)
}

/** The pid that a crun in the foreground writes once the process runs; 0 where crun ended before. */
async function awaitPid(launch: Launch, relay: Promise<Exit>): Promise<number> {
  let ended = false
  void relay.then(() => (ended = true))
  for (;;) {
    const pid = readNumber(`${launch.folder}/pid`)
    if (pid > 0 || ended) return pid
    await pause(pollMilliseconds)
  }
}

function abandon(spawned: Spawned): void {
  spawned.stdin?.close()
  for (const output of spawned.outputs) output.discard()
}

async function launchInTerminal(launch: Launch, link: Link): Promise<Launched> {
  const spawned = spawnLaunch(launch, link)
  const exit = waitFor(spawned.pid)
  const pid = await awaitPid(launch, exit)
  if (pid === 0) {
    abandon(spawned)
    throw crunError(launch)
  }
  return { pid, stdin: spawned.stdin, outputs: spawned.outputs, terminalName: readText(`${launch.folder}/terminal`, 64)?.trim(), exit }
}

/**
 * Runs crun so that a process of a container has streams of ours. Without a terminal crun leaves
 * the process to PID 1 and ends; with one, a relay and crun stay in front of it.
 * Throws what crun says where the process does not come to run.
 */
export function launchProcess(launch: Launch, link: Link): Promise<Launched> {
  if (launch.terminal) return launchInTerminal(launch, link)
  return adopting(async (adopt) => {
    const spawned = spawnLaunch(launch, link)
    const { exitCode } = await waitFor(spawned.pid)
    const pid = readNumber(`${launch.folder}/pid`)
    if (exitCode !== 0 || pid === 0) {
      abandon(spawned)
      throw crunError(launch)
    }
    return { pid, stdin: spawned.stdin, outputs: spawned.outputs, terminalName: undefined, exit: adopt(pid) }
  })
}
