import * as os from 'qjs:os'
import type { ExitState, SignalName, StartContainerParams } from '@/contracts/guest/v1/messages'
import { oomKills } from '@/guest/cgroups'
import { GuestError } from '@/guest/errors'
import { makeFolder, readText, writeFile } from '@/guest/files'
import { imageFolder, requireImage } from '@/guest/images'
import type { Link } from '@/guest/link'
import { podFolder, scratchFolder } from '@/guest/machine'
import { ociConfig, ociProcess, processEnvironment } from '@/guest/oci'
import { runScript } from '@/guest/processes'
import { launchProcess, type Launched } from '@/guest/runtime'
import { signalNumber } from '@/guest/signals'
import { resolveIdentity, type Identity, type IdentityRequest } from '@/guest/users'

export interface Container {
  params: StartContainerParams
  identity: Identity
  /** Its whole environment, to which an exec adds. */
  env: string[]
  process: Launched
  exited: ExitState | null
}

const removeScript = `
crun delete --force "$1" 2>/dev/null
umount -l "$2/rootfs" 2>/dev/null
rm -rf "$2" "$3"
`

function stateFolder(container: string): string {
  return `/run/containers/${container}`
}

function layerFolder(container: string): string {
  return `${scratchFolder}/containers/${container}`
}

/** Resolves a user against the passwd and group of a container's image. */
export function identityIn(image: string, request: IdentityRequest): Identity {
  const etc = `${imageFolder(image)}/etc`
  return resolveIdentity(readText(`${etc}/passwd`, 1024 * 1024) ?? '', readText(`${etc}/group`, 1024 * 1024) ?? '', request)
}

/** The containers of this pod, from their start to their removal. */
export class Containers {
  private readonly all = new Map<string, Container>()
  private readonly starting = new Set<string>()

  constructor(
    private readonly link: Link,
    private readonly volumePath: (name: string) => string,
    private readonly onExit: (container: string, exit: ExitState) => void,
  ) {}

  list(): Container[] {
    return [...this.all.values()]
  }

  get(name: string): Container {
    const container = this.all.get(name)
    if (!container) throw new GuestError('NotFound', 'there is no such container', name)
    return container
  }

  /** Starts a container and resolves once its own process runs. */
  async start(params: StartContainerParams): Promise<Container> {
    const name = params.container
    if (this.all.has(name) || this.starting.has(name)) throw new GuestError('AlreadyExists', 'a container of this name exists', name)
    this.starting.add(name)
    try {
      await requireImage(params.image)
      const container = await this.launch(params)
      this.all.set(name, container)
      void container.process.exit.then(({ exitCode, signal }) => {
        container.exited = { exitCode, signal, oomKilled: oomKills(name) > 0, at: Date.now() }
        container.process.stdin?.close()
        this.onExit(name, container.exited)
      })
      return container
    } catch (error) {
      await this.clear(name)
      throw error
    } finally {
      this.starting.delete(name)
    }
  }

  private async launch(params: StartContainerParams): Promise<Container> {
    const name = params.container
    const identity = identityIn(params.image, params)
    const folder = stateFolder(name)
    const layer = layerFolder(name)
    for (const path of [`${layer}/upper`, `${layer}/work`, `${folder}/rootfs`]) makeFolder(path)
    const hostname = readText(`${podFolder}/hostname`)?.trim() ?? 'localhost'
    const env = processEnvironment(params.env, identity.home, hostname, params.terminal !== null)
    const process = ociProcess({ ...params, env, identity })
    writeFile(`${folder}/config.json`, JSON.stringify(ociConfig(params, process, `${folder}/rootfs`, (volume, subPath) => this.mountSource(volume, subPath))))
    const overlay = `lowerdir=${imageFolder(params.image)},upperdir=${layer}/upper,workdir=${layer}/work,volatile`
    const launched = await launchProcess(
      {
        folder,
        before: ['/bin/sh', '/libexec/launch', `${folder}/log`, overlay, `${folder}/rootfs`],
        command: ['run', `--bundle=${folder}`],
        container: name,
        stream: params.stream,
        stdin: params.stdin,
        terminal: params.terminal,
        kept: true,
      },
      this.link,
    )
    return { params, identity, env, process: launched, exited: null }
  }

  private mountSource(volume: string, subPath: string): string {
    const base = this.volumePath(volume)
    if (subPath === '') return base
    const path = `${base}/${subPath}`
    makeFolder(path)
    return path
  }

  /** Signals a container's own process; nothing where it has ended. */
  signal(name: string, signal: SignalName): void {
    const container = this.get(name)
    if (!container.exited) os.kill(container.process.pid, signalNumber(signal))
  }

  /** Removes a container and its writable layer, ending it first where it still runs. */
  async remove(name: string): Promise<void> {
    const container = this.get(name)
    await this.clear(name)
    await container.process.exit
    for (const output of container.process.outputs) output.discard()
    this.all.delete(name)
  }

  private async clear(name: string): Promise<void> {
    await runScript(removeScript, [name, stateFolder(name), layerFolder(name)])
  }
}
