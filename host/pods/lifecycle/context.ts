import type { Assignment } from '@/contracts/host/v1'
import type { Attachments } from '../attachments'
import type { Clock } from '../clock'
import type { Configuration } from '../configuration/configuration'
import type { ConfigurationFiles } from '../configuration/files'
import type { ContainerRecord } from '../container-record'
import type { Guest, MountImage, OutputSink, ReadyImage } from '../ports'
import type { TroubleEvents } from '../probes/trouble-events'

/** Where the containers' output goes. */
export interface PodLogPort {
  /** A new instance of the container: what was written before becomes its previous log. */
  begin(container: string): Promise<OutputSink>
  /** Goes on writing for an instance that runs. */
  resume(container: string): Promise<OutputSink>
  /** The last lines of the newest instance, each bounded; unfinished ones too. */
  tail(container: string, lines: number): Promise<string[]>
}

/** What all containers of a running VM share. */
export type PodContext = {
  assignment: Assignment
  guest: Guest
  /** One a container, in the order in which they start; replaced as things happen. */
  records: ContainerRecord[]
  /** The image of each container, by the reference in its spec. */
  images: ReadonlyMap<string, ReadyImage>
  /** Makes the image known to the guest. */
  mount: MountImage
  configuration: Configuration
  files: ConfigurationFiles
  logs: PodLogPort
  attachments: Attachments
  clock: Clock
  onChange: () => void
  /** A start came further, of which nobody has to know at once. */
  onProgress: () => void
  event: (type: 'Normal' | 'Warning', reason: string, message: string) => void
  troubles: TroubleEvents
  /** Told of each start of a container. */
  onStarted: (container: string) => void
  /** Whether the pod stands still for a store of volumes. */
  isPaused: () => boolean
  /** Aborted once the VM is ended or left: nothing is waited for any more. */
  over: AbortSignal
}
