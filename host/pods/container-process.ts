import { expandVariables } from '@/domain/pod/expand'
import type { ContainerSpec, PodSpec } from '@/domain/pod/spec'
import { isConfigurationVolume, isPersistentVolume, type VolumeSpec } from '@/domain/pod/volume'
import { parseBytes, parseMilliCpu } from '@/domain/shared/quantity'
import { signals, type SignalName, type StartContainerParams } from '@/contracts/guest/v1/requests'
import { processSecurity } from './configuration/security'
import { StepError, type ImageConfig } from './ports'

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
/** What a terminal has until somebody attaches and says otherwise. */
const terminalSize = { columns: 80, rows: 24 }

export type ProcessInput = {
  pod: PodSpec
  container: ContainerSpec
  image: ImageConfig
  /** How the guest calls the image. */
  imageKey: string
  hostname: string
  /** The container's own variables, resolved: nothing in them is expanded again. */
  env: readonly { name: string; value: string }[]
}

/**
 * The process of a container by Kubernetes' rules: `command` replaces the image's ENTRYPOINT and drops its CMD, `args`
 * replaces CMD; the environment is the image's, then the pod's. Throws {@link StepError} `NoCommand` where there is
 * nothing to run, `CreateContainerConfigError` where the pod forbids what the image says.
 */
export function containerProcess({ pod, container, image, imageKey, hostname, env }: ProcessInput): Omit<StartContainerParams, 'stream'> {
  const own: Record<string, string> = Object.fromEntries(env.map(({ name, value }) => [name, value]))
  const environment = new Map<string, string>([['PATH', defaultPath], ['HOSTNAME', hostname]])
  for (const pair of image.environment) {
    const at = pair.indexOf('=')
    if (at > 0) environment.set(pair.slice(0, at), pair.slice(at + 1))
  }
  if (container.tty && !environment.has('TERM')) environment.set('TERM', 'xterm')
  for (const { name, value } of env) environment.set(name, value)

  const expanded = (texts: readonly string[]) => texts.map((text) => expandVariables(text, own))
  const entrypoint = container.command.length > 0 ? expanded(container.command) : image.entrypoint
  const tail = container.args.length > 0 ? expanded(container.args) : container.command.length > 0 ? [] : image.command
  const args = [...entrypoint, ...tail]
  if (args.length === 0) throw new StepError('NoCommand', `The image ${container.image} names no command, and container "${container.name}" gives none. Set command or args of the container.`)

  return {
    container: container.name,
    image: imageKey,
    args,
    env: [...environment].map(([name, value]) => `${name}=${value}`),
    cwd: container.workingDir ?? (image.workingDir.startsWith('/') ? image.workingDir : `/${image.workingDir}`),
    ...processSecurity(pod, container, image.user),
    mounts: container.volumeMounts.map((mount) => ({ volume: mount.name, path: mount.mountPath, readOnly: mount.readOnly || isConfiguration(pod, mount.name), subPath: mount.subPath ?? '' })),
    ...(container.volumeDevices && container.volumeDevices.length > 0 ? { devices: container.volumeDevices.map(({ name, devicePath }) => ({ volume: name, path: devicePath })) } : {}),
    stdin: container.stdin,
    terminal: container.tty ? terminalSize : null,
    memoryBytes: container.resources.limits.memory === undefined ? null : parseBytes(container.resources.limits.memory),
    cpuMillis: container.resources.limits.cpu === undefined ? null : parseMilliCpu(container.resources.limits.cpu),
    terminationMessagePath: container.terminationMessagePath,
  }
}

/** As in Kubernetes, files of configuration are for reading alone. */
const isConfiguration = (pod: PodSpec, name: string): boolean => pod.volumes.some((volume) => volume.name === name && isConfigurationVolume(volume))

function mediumOf(volume: VolumeSpec): 'files' | 'disk' | 'memory' | 'scratch' {
  if (isPersistentVolume(volume)) return 'disk'
  return isConfigurationVolume(volume) ? 'files' : volume.emptyDir?.medium === 'Memory' ? 'memory' : 'scratch'
}

/** The volumes of a pod as the guest makes them. */
export const guestVolumes = (pod: PodSpec) =>
  pod.volumes.map((volume) => ({
    name: volume.name,
    medium: mediumOf(volume),
    sizeBytes: volume.emptyDir?.sizeLimit === undefined ? null : parseBytes(volume.emptyDir.sizeLimit),
  }))

/** Other names of the same signals. Source: signal(7). */
const signalAliases: Readonly<Record<string, SignalName>> = { IOT: 'ABRT', CLD: 'CHLD', POLL: 'IO' }
const realTime = { first: 34, last: 64 }
const standardSignals = signals.filter((name) => !name.startsWith('RTMIN'))

function signalOfNumber(number: number): SignalName | undefined {
  return number < realTime.first ? standardSignals[number - 1] : signals[standardSignals.length + number - realTime.first]
}

/** The signal that asks a container of this image to end: its STOPSIGNAL (a name, such as SIGRTMIN+3, or a number), else TERM. */
export function stopSignal(image: ImageConfig): SignalName {
  const name = image.stopSignal.trim().toUpperCase().replace(/^SIG/, '')
  if (/^\d{1,2}$/.test(name)) return signalOfNumber(Number(name)) ?? 'TERM'
  const [, bound, sign = '+', distance = '0'] = /^RT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name) ?? []
  if (bound) {
    const number = (bound === 'MIN' ? realTime.first : realTime.last) + Number(`${sign}${distance}`)
    return number >= realTime.first ? (signalOfNumber(number) ?? 'TERM') : 'TERM'
  }
  return signals.find((signal) => signal === name) ?? signalAliases[name] ?? 'TERM'
}
