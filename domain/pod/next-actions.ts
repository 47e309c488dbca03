/** Where in the console a next action is taken; the console makes the links. */
export type ActionPlace = 'logs' | 'previousLogs' | 'edit' | 'events' | 'images' | 'hosts' | 'configMaps' | 'secrets' | 'terminal' | 'figures' | 'volumes' | 'newVolume'
export type NextAction = { text: string; places: readonly ActionPlace[] }

const action = (text: string, ...places: ActionPlace[]): NextAction => ({ text, places })

const imageName = action('Check the name and the tag of the image, then edit and re-create the pod.', 'edit', 'images')
const pull = action('The host tries again by itself. If the message stays, check the image’s name, the registry and the pod’s imagePullSecrets.', 'events', 'edit', 'secrets')
const credentials = action('Do what the message says; for a private image that is a Secret of type kubernetes.io/dockerconfigjson under the pod’s imagePullSecrets. Then re-create the pod.', 'secrets', 'edit')
const start = action('Look at the container’s command and the image, then edit and re-create the pod.', 'edit')
const network = action('Give the network a larger subnet, or delete pods that are not needed.', 'events')

/** What to do about a reason of a condition, an event or a container. Normal ones have none. */
const actions: Readonly<Record<string, NextAction>> = {
  // Scheduling and addresses
  Unschedulable: action('Where hosts lack room, lower the pod’s requests and limits or delete pods that are not needed; else ask the operator for a host that fits.', 'edit', 'events'),
  FailedScheduling: action('Where hosts lack room, lower the pod’s requests and limits or delete pods that are not needed; else ask the operator for a host that fits.', 'edit'),
  NoFreeAddress: network,
  // Volumes
  VolumesUnavailable: action('Create the volume or the claim that the message names, or name another one in the pod. It starts by itself then.', 'newVolume', 'volumes', 'edit'),
  VolumeNotFound: action('Create the volume, or name another one in the pod. It starts by itself then.', 'newVolume', 'volumes', 'edit'),
  VolumeDeleted: action('Restore the volume while it can be, or name another one in the pod.', 'volumes', 'edit'),
  VolumeInUse: action('The pod starts by itself once the volume is free; a clone is another volume, to be named in the pod instead.', 'volumes', 'edit'),
  HostSilent: action('The pod may still run. The state is known again when its host answers; the operator sees it under Hosts.', 'events'),
  HostStopped: action('The pod is started again with its host.', 'events'),
  // Images
  ErrImagePull: pull,
  ImagePullBackOff: pull,
  ImagePullFailed: pull,
  ImageNotFound: imageName,
  ImageInvalidReference: imageName,
  InvalidImageName: imageName,
  ErrImageNeverPull: action('The pod’s imagePullPolicy is Never and its host does not have the image. Pre-pull it, upload it, or allow pulling.', 'images', 'edit'),
  ImageNotPresent: action('The pod’s imagePullPolicy is Never and its host does not have the image. Pre-pull it, upload it, or allow pulling.', 'images', 'edit'),
  ImageRefused: credentials,
  ImageUnreachable: action('The host tries again by itself. If the message stays, check the registry’s name and whether it answers.', 'events', 'edit'),
  ImageTooLarge: action('Make the image smaller, or ask the operator to raise the limit.', 'edit'),
  ImageDigestMismatch: action('What the registry sent is not what the digest names. Push the image again, or name another digest.', 'edit', 'images'),
  ImageMalformed: action('Build and push the image again: what the registry sent is broken.', 'images', 'edit'),
  ImageUnsupportedPlatform: action('Build the image for the host’s processor, or name one that has it.', 'edit'),
  ImageDiskFull: action('Ask the operator to free room on the host; the pod is tried again by itself.', 'events'),
  ImageInternal: action('The host tries again by itself. If it goes on, tell the operator the pod’s UID.', 'events'),
  // Configuration
  CreateContainerConfigError: action('Create the ConfigMap, Secret or key that the message names, or mark the reference optional. The pod starts by itself then.', 'configMaps', 'secrets', 'edit'),
  ConfigurationMissing: action('Create the ConfigMap, Secret or key that the message names, or mark the reference optional. The pod starts by itself then.', 'configMaps', 'secrets', 'edit'),
  ConfigurationTooLarge: action('Name fewer or smaller ConfigMaps and Secrets in the pod, or put large files into the image.', 'configMaps', 'secrets', 'edit'),
  FailedMount: action('Create the ConfigMap or Secret that the volume names, or mark it optional.', 'configMaps', 'secrets', 'edit'),
  WaitingForConfiguration: action('The server sends the pod’s ConfigMaps and Secrets to its host by itself. If the message stays, tell the operator the pod’s UID.', 'events'),
  // Starting a container
  ExecutableNotFound: start,
  NotExecutable: start,
  BadWorkingDirectory: start,
  UserNotFound: start,
  NoCommand: start,
  StartError: start,
  RunContainerError: start,
  CreateContainerError: start,
  ContainerCannotRun: start,
  VMFailed: action('The host starts the machine again by itself. If it goes on, tell the operator the pod’s UID.', 'events'),
  FailedCreatePodSandBox: action('Correct the setting that the message names, such as a sysctl, then edit and re-create the pod.', 'edit'),
  // Running
  CrashLoopBackOff: action('Read what the container printed before it ended, mend the cause, then edit and re-create the pod. It is tried again by itself meanwhile.', 'previousLogs', 'edit', 'events'),
  BackOff: action('Read what the container printed before it ended, mend the cause, then edit and re-create the pod. It is tried again by itself meanwhile.', 'previousLogs', 'edit'),
  Error: action('Read what the container printed before it ended.', 'previousLogs', 'edit'),
  ContainersFailed: action('Read what the containers printed before they ended.', 'previousLogs', 'edit'),
  OOMKilled: action('Raise the container’s memory limit, or make it need less; the figures show how much it took.', 'edit', 'figures', 'previousLogs'),
  Evicted: action('Raise the limit of ephemeral-storage or the volume’s sizeLimit, or write less; then re-create the pod.', 'edit', 'events'),
  DeadlineExceeded: action('Raise activeDeadlineSeconds if the work needs longer, then re-create the pod.', 'edit', 'logs'),
  Unhealthy: action('Check what the probe asks, and whether the container answers within its timeout; a slow start wants a startupProbe.', 'logs', 'terminal', 'edit'),
  ProbeFailures: action('Check what the probe asks, and whether the container answers within its timeout; a slow start wants a startupProbe.', 'logs', 'terminal', 'edit'),
  ProbeWarning: action('Check what the probe asks, and whether the container answers within its timeout.', 'logs', 'edit'),
  ContainersNotReady: action('Wait for the containers’ startup and readiness probes; the containers table says which is missing.', 'logs', 'events'),
  Killing: action('The container is started again if the pod’s restart policy says so.', 'events'),
  FailedPostStartHook: action('Mend the container’s postStart hook, then edit and re-create the pod.', 'edit', 'logs'),
  PostStartHookError: action('Mend the container’s postStart hook, then edit and re-create the pod.', 'edit', 'logs'),
  FailedPreStopHook: action('Mend the container’s preStop hook; the container was stopped without it.', 'edit', 'logs'),
  NotRecreated: action('Open the manifest that was kept at the top of this page, and create the pod from it.', 'events'),
  InitContainerFailed: action('Read what the init container printed; the containers start once it has ended well.', 'previousLogs', 'edit'),
}

/** What to do about a reason, or null where nothing is to be done or nobody knows. */
export const nextAction = (reason: string): NextAction | null => (Object.hasOwn(actions, reason) ? (actions[reason] ?? null) : null)

/** Every reason that has a next action, for tests and documentation. */
export const knownReasons = (): string[] => Object.keys(actions)
