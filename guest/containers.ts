import * as os from 'qjs:os'
import type { ExitState } from '@/contracts/guest/v1/messages'
import type { SignalName, StartContainerParams } from '@/contracts/guest/v1/requests'
import { grantedCapabilities } from '@/guest/capabilities'
import { oomKills } from '@/guest/cgroups'
import { machineDevices } from '@/guest/devices'
import { GuestError } from '@/guest/errors'
import { makeFolder, readEnd, readText, writeFile } from '@/guest/files'
import { imageFolder, requireImage } from '@/guest/images'
import type { Link } from '@/guest/link'
import { podFolder, scratchFolder } from '@/guest/machine'
import { ociConfig, ociProcess, processEnvironment, type Device } from '@/guest/oci'
import { runScript, type Exit } from '@/guest/processes'
import { launchProcess, type Launched } from '@/guest/runtime'
import { signalNumber } from '@/guest/signals'
import { openSubPath, type Place } from '@/guest/sub-path'
import { resolveIdentity, type Identity, type IdentityRequest } from '@/guest/users'
import { checkPlaces } from '@/guest/volumes/places'

export interface Container {
  params: StartContainerParams
  identity: Identity
  /** Its whole environment, to which an exec adds. */
  env: string[]
  /** As `CAP_…`; an exec has the same. */
  capabilities: readonly string[]
  process: Launched
  exited: ExitState | null
}

const removeScript = `
crun delete --force "$1" 2>/dev/null
umount -l "$2/rootfs" 2>/dev/null
# Never with a recursive removal, which could reach into a volume that is mounted still.
for place in "$4"/*; do
  [ -e "$place" ] || break
  umount -l "$place" 2>/dev/null
  if [ -d "$place" ]; then rmdir "$place"; else rm -f "$place"; fi
done
rmdir "$4" 2>/dev/null
rm -rf "$2" "$3"
`

function stateFolder(container: string): string {
  return `/run/containers/${container}`
}

/** Where its mounts of subPaths lie for the runtime to find. */
function placesFolder(container: string): string {
  return `/run/mounts/${container}`
}

/** On the scratch disk: its writable layer and its termination log, which it may fill. */
export function layerFolder(container: string): string {
  return `${scratchFolder}/containers/${container}`
}

/** Where a volume is, and whether containers may only read it. `disk`: of what outlives the pod. */
export interface MountedVolume {
  path: string
  readOnly: boolean
  disk?: string
}

const maxTerminationBytes = 4096
const SIGKILL = 9

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
    private readonly volume: (name: string) => MountedVolume,
    private readonly device: (volume: string, path: string) => Device,
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
      void container.process.exit.then((exit) => {
        container.exited = exitState(params, exit)
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
    const capabilities = grantedCapabilities(params)
    const folder = stateFolder(name)
    const layer = layerFolder(name)
    for (const path of [`${layer}/upper`, `${layer}/work`, `${folder}/rootfs`]) makeFolder(path)
    const hostname = readText(`${podFolder}/hostname`)?.trim() ?? 'localhost'
    const env = processEnvironment(params.env, identity.home, hostname, params.terminal !== null)
    const process = ociProcess({ ...params, env, identity, capabilities })
    const terminationLog = params.terminationMessagePath ? terminationLogOf(name) : ''
    if (terminationLog) writeFile(terminationLog, '', 0o666)
    const places: (Place & { target: string })[] = []
    try {
      const mounts = params.mounts.map((mount) => this.mount(name, mount, places))
      checkPlaces(imageFolder(params.image), mounts.map(({ mount: { path }, source, isDisk }) => ({ path, source: places.find(({ target }) => target === source)?.path ?? source, isDisk })))
      const config = ociConfig(
        { ...params, mounts: mounts.map(({ mount }) => mount) },
        { process, capabilities, rootPath: `${folder}/rootfs`, mountSources: mounts.map(({ source }) => source), terminationLog, devices: this.devices(params) },
      )
      writeFile(`${folder}/config.json`, JSON.stringify(config))
      const overlay = `lowerdir=${imageFolder(params.image)},upperdir=${layer}/upper,workdir=${layer}/work,volatile`
      const launched = await launchProcess(
        {
          folder,
          before: ['/bin/sh', '/libexec/launch', `${folder}/log`, overlay, `${folder}/rootfs`, ...places.flatMap(({ path, target }) => [path, target]), '--'],
          command: ['run', ...(params.terminal ? ['--keep'] : []), `--bundle=${folder}`],
          container: name,
          stream: params.stream,
          stdin: params.stdin,
          terminal: params.terminal,
          kept: true,
        },
        this.link,
      )
      return { params, identity, env, capabilities, process: launched, exited: null }
    } finally {
      for (const place of places) place.close()
    }
  }

  /** The VM's own for a privileged container, and the volumes of mode block that it names. */
  private devices({ devices = [], privileged }: StartContainerParams): Device[] {
    const named = devices.map(({ volume, path }) => this.device(volume, path))
    return privileged ? [...machineDevices(), ...named] : named
  }

  /** The source of a mount; a place in a volume stays open until it is mounted where nobody can move it. */
  private mount(container: string, mount: StartContainerParams['mounts'][number], places: (Place & { target: string })[]): { mount: StartContainerParams['mounts'][number]; source: string; isDisk: boolean } {
    const volume = this.volume(mount.volume)
    const readOnly = mount.readOnly || volume.readOnly
    const isDisk = volume.disk !== undefined
    if (mount.subPath === '') return { mount: { ...mount, readOnly }, source: volume.path, isDisk }
    const place = openSubPath(volume.path, mount.subPath, !volume.readOnly)
    const target = `${placesFolder(container)}/${places.length}`
    places.push({ ...place, target })
    if (place.isFolder) makeFolder(target)
    else {
      makeFolder(placesFolder(container))
      writeFile(target, '')
    }
    return { mount: { ...mount, readOnly }, source: target, isDisk }
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
    await runScript(removeScript, [name, stateFolder(name), layerFolder(name), placesFolder(name)])
  }
}

function terminationLogOf(container: string): string {
  return `${layerFolder(container)}/termination-log`
}

/**
 * How a container ended. Out of memory is why only where the kernel killed its own process: one whose child was killed
 * may have gone on and ended for another reason. A relay in front of a terminal tells the signal in the exit code.
 */
function exitState(params: StartContainerParams, { exitCode, signal }: Exit): ExitState {
  const killed = signal === SIGKILL || exitCode === 128 + SIGKILL
  const state = { exitCode, signal, oomKilled: killed && oomKills(params.container) > 0, at: Date.now() }
  if (!params.terminationMessagePath) return state
  return { ...state, terminationMessage: readEnd(terminationLogOf(params.container), maxTerminationBytes) }
}
