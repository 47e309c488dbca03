import * as os from 'qjs:os'
import type { ExecParams, SignalName } from '@/contracts/guest/v1/messages'
import { identityIn, type Container } from '@/guest/containers'
import { GuestError } from '@/guest/errors'
import { makeFolder, writeFile } from '@/guest/files'
import type { Link } from '@/guest/link'
import { ociProcess, processEnvironment } from '@/guest/oci'
import { runScript, type Exit } from '@/guest/processes'
import { launchProcess, type Launched, type TerminalSize } from '@/guest/runtime'
import { signalNumber } from '@/guest/signals'

// What an ended command left behind may hold its pipes open for ever: silence for so long is their end.
const idleMilliseconds = 500

interface Exec {
  process: Launched
  exited: boolean
}

function folderOf(stream: number): string {
  return `/run/execs/${stream}`
}

/** Commands run in containers beside their own process. They end with the connection that asked for them. */
export class Execs {
  private readonly all = new Map<number, Exec>()

  constructor(
    private readonly link: Link,
    private readonly onExit: (stream: number, exit: Exit) => void,
  ) {}

  find(stream: number): Launched | undefined {
    return this.all.get(stream)?.process
  }

  private get(stream: number): Exec {
    const found = this.all.get(stream)
    if (!found) throw new GuestError('NotFound', 'there is no such exec', String(stream))
    return found
  }

  /** Runs a command in a container and resolves once it runs. */
  async start(container: Container, params: ExecParams): Promise<Launched> {
    if (container.exited) throw new GuestError('Conflict', 'the container has ended', params.container)
    const folder = folderOf(params.stream)
    makeFolder(folder)
    const identity =
      params.user === null ? container.identity : identityIn(container.params.image, { user: params.user, runAsUser: null, runAsGroup: null, supplementalGroups: [] })
    const env = processEnvironment([...container.env, ...params.env], identity.home, '', params.terminal !== null)
    const process = ociProcess({ ...params, env, identity, cwd: params.cwd ?? container.params.cwd, noNewPrivileges: container.params.noNewPrivileges })
    writeFile(`${folder}/process.json`, JSON.stringify(process))
    const command = ['exec', `--process=${folder}/process.json`, ...(params.terminal ? ['--tty'] : [])]
    const launch = { folder, before: [], command, container: params.container, stream: params.stream, stdin: params.stdin, terminal: params.terminal, kept: false }
    const exec: Exec = { process: await launchProcess(launch, this.link), exited: false }
    this.all.set(params.stream, exec)
    void exec.process.exit.then((exit) => this.ended(params.stream, exec, exit))
    return exec.process
  }

  private ended(stream: number, exec: Exec, exit: Exit): void {
    exec.exited = true
    exec.process.stdin?.close()
    this.onExit(stream, exit)
    this.forgetOnceSent(stream, exec)
    void runScript('rm -rf "$1"', [folderOf(stream)])
  }

  private forgetOnceSent(stream: number, exec: Exec): void {
    os.setTimeout(() => {
      if (this.all.get(stream) !== exec) return
      for (const output of exec.process.outputs) output.endIfIdle()
      if (exec.process.outputs.every((output) => output.isFinished)) this.all.delete(stream)
      else this.forgetOnceSent(stream, exec)
    }, idleMilliseconds)
  }

  /** Signals a command; nothing where it has ended. */
  signal(stream: number, signal: SignalName): void {
    const { process, exited } = this.get(stream)
    if (!exited) os.kill(process.pid, signalNumber(signal))
  }

  /** The host that asked for them is gone: nobody can read or end them any more. */
  dropAll(): void {
    for (const { process, exited } of this.all.values()) {
      if (!exited) os.kill(process.pid, signalNumber('KILL'))
      for (const output of process.outputs) output.discard()
    }
    this.all.clear()
  }
}

/** Sets the size of a process's terminal; nothing where it has none. */
export async function resizeTerminal(process: Launched, size: TerminalSize): Promise<void> {
  if (process.terminalName) await runScript('stty -F "$1" rows "$2" cols "$3"', [process.terminalName, String(size.rows), String(size.columns)])
}
