import * as os from 'qjs:os'
import type { ArchiveParams, ExecParams, OpenTunnelParams, SignalName } from '@/contracts/guest/v1/requests'
import type * as z from 'zod/mini'
import { launchArchive } from '@/guest/archive'
import { CommandGroup } from '@/guest/cgroups'
import { identityIn, type Container } from '@/guest/containers'
import { GuestError } from '@/guest/errors'
import { makeFolder, removeTree, writeFile } from '@/guest/files'
import type { Link } from '@/guest/link'
import { ociProcess, processEnvironment } from '@/guest/oci'
import { runScript, type Exit } from '@/guest/processes'
import { launchProcess, type Launched, type TerminalSize } from '@/guest/runtime'
import { signalNumber } from '@/guest/signals'
import { openTunnel } from '@/guest/tunnels'

// What an ended command left behind may hold its pipes open for ever: silence for so long is their end.
const idleMilliseconds = 500
/** Commands, copies and tunnels of one VM at a time: each holds descriptors and memory of the VM. */
const maxAtOnce = 256

interface Exec {
  process: Launched
  /** Of a command in a container. */
  group: CommandGroup | undefined
  exited: boolean
}

function folderOf(stream: number): string {
  return `/run/execs/${stream}`
}

/**
 * What runs beside the containers' own processes with streams of its own: commands, copies of files and tunnels. They
 * end with the connection that asked for them.
 */
export class Execs {
  private readonly all = new Map<number, Exec>()
  private starting = 0
  /** Of ended commands that left processes behind. */
  private leftGroups: CommandGroup[] = []

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
  exec(container: Container, params: ExecParams): Promise<Launched> {
    const folder = folderOf(params.stream)
    const identity =
      params.user === null ? container.identity : identityIn(container.params.image, { user: params.user, runAsUser: null, runAsGroup: null, supplementalGroups: [] })
    const env = processEnvironment([...container.env, ...params.env], identity.home, '', params.terminal !== null)
    const { noNewPrivileges } = container.params
    const process = ociProcess({ ...params, env, identity, cwd: params.cwd ?? container.params.cwd, noNewPrivileges, capabilities: container.capabilities })
    return this.inContainer(container, params.stream, (group) => {
      makeFolder(folder)
      writeFile(`${folder}/process.json`, JSON.stringify(process))
      const command = ['exec', `--process=${folder}/process.json`, `--cgroup=${group.name}`, ...(params.terminal ? ['--tty'] : [])]
      return launchProcess({ folder, before: [], command, container: params.container, stream: params.stream, stdin: params.stdin, terminal: params.terminal, kept: false }, this.link)
    })
  }

  /** Copies files out of a container or into it. */
  archive(container: Container, params: z.infer<typeof ArchiveParams>): Promise<Launched> {
    return this.inContainer(container, params.stream, (group) => Promise.resolve(launchArchive(container.process.pid, group, params, this.link)))
  }

  /** Connects to a port of the VM. */
  tunnel(params: z.infer<typeof OpenTunnelParams>): Promise<Launched> {
    return this.begin(params.stream, undefined, () => openTunnel(params, this.link))
  }

  private async inContainer(container: Container, stream: number, launch: (group: CommandGroup) => Promise<Launched>): Promise<Launched> {
    const name = container.params.container
    if (container.exited) throw new GuestError('Conflict', 'the container has ended', name)
    this.leftGroups = this.leftGroups.filter((left) => !left.remove())
    const group = new CommandGroup(name, `exec-${stream}`)
    group.make()
    try {
      return await this.begin(stream, group, () => launch(group))
    } catch (error) {
      group.remove()
      removeTree(folderOf(stream))
      throw error
    }
  }

  private async begin(stream: number, group: CommandGroup | undefined, launch: () => Promise<Launched>): Promise<Launched> {
    if (this.all.size + this.starting >= maxAtOnce) throw new GuestError('Unavailable', `the pod's machine runs ${maxAtOnce} commands, copies and tunnels already, which is the limit: end some of them`, 'exec')
    this.starting += 1
    try {
      const exec: Exec = { process: await launch(), group, exited: false }
      this.all.set(stream, exec)
      void exec.process.exit.then((exit) => this.ended(stream, exec, exit))
      return exec.process
    } finally {
      this.starting -= 1
    }
  }

  private ended(stream: number, exec: Exec, exit: Exit): void {
    exec.exited = true
    exec.process.stdin?.close()
    this.onExit(stream, exit)
    this.forgetOnceSent(stream, exec)
    if (exec.group && !exec.group.remove()) this.leftGroups.push(exec.group)
    removeTree(folderOf(stream))
  }

  private forgetOnceSent(stream: number, exec: Exec): void {
    const outputs = exec.process.outputs
    if (outputs.every((output) => output.isFinished)) return this.forget(stream, exec)
    os.setTimeout(() => {
      if (this.all.get(stream) !== exec) return
      for (const output of outputs) output.endIfIdle()
      this.forgetOnceSent(stream, exec)
    }, idleMilliseconds)
  }

  private forget(stream: number, exec: Exec): void {
    if (this.all.get(stream) === exec) this.all.delete(stream)
  }

  /** Signals a command, KILL with all that it started; nothing where it has ended. */
  signal(stream: number, signal: SignalName): void {
    const exec = this.get(stream)
    if (signal === 'KILL') this.kill(exec)
    else if (!exec.exited) os.kill(exec.process.pid, signalNumber(signal))
  }

  private kill({ process, group, exited }: Exec): void {
    group?.kill()
    if (!exited) os.kill(process.pid, signalNumber('KILL'))
  }

  /** The host that asked for them is gone: nobody can read or end them any more. */
  dropAll(): void {
    for (const exec of this.all.values()) {
      if (!exec.exited) this.kill(exec)
      for (const output of exec.process.outputs) output.discard()
    }
    this.all.clear()
  }
}

/** Sets the size of a process's terminal; nothing where it has none. */
export async function resizeTerminal(process: Launched, size: TerminalSize): Promise<void> {
  if (process.terminalName) await runScript('stty -F "$1" rows "$2" cols "$3"', [process.terminalName, String(size.rows), String(size.columns)])
}
