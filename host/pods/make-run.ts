import type { Assignment, HostEvent } from '@/contracts/host/v1'
import { Attachments } from './attachments'
import type { Clock } from './clock'
import type { Configuration } from './configuration/configuration'
import { ConfigurationFiles } from './configuration/files'
import type { ContainerRecord } from './container-record'
import { ContainerSet, type PodLogPort } from './container-set'
import { hasDiskLimits, watchUsage } from './limits/usage'
import { PodRun } from './pod-run'
import type { Guest, Machine, MountImage, ReadyImage, VolumePort } from './ports'
import { TroubleEvents } from './probes/trouble-events'
import type { StepRecorder } from './step-recorder'

export type RunInput = {
  machine: Machine
  guest: Guest
  assignment: Assignment
  records: ContainerRecord[]
  images: ReadonlyMap<string, ReadyImage>
  mount: MountImage
  configuration: Configuration
  logs: PodLogPort
  clock: Clock
  recorder: StepRecorder | null
  onChange: () => void
  onProgress: () => void
  event: (type: HostEvent['type'], reason: string, message: string) => void
  /** Something is over its limit of disk. */
  evict: (message: string) => void
  volumes?: VolumePort | undefined
}

/** Begins the life of the containers in a VM that is set up. */
export function makeRun(input: RunInput): PodRun {
  const { machine, guest, assignment, records, images, mount, configuration, logs, clock, recorder, onChange, onProgress, event, volumes } = input
  const attachments = new Attachments(clock)
  const over = new AbortController()
  const warn = (reason: string, message: string) => event('Warning', reason, message)
  const files = new ConfigurationFiles(assignment.spec, configuration, guest, clock, warn)
  const troubles = new TroubleEvents(clock, warn)
  const containers = new ContainerSet({ assignment, guest, records, images, mount, configuration, files, logs, attachments, clock, onChange, onProgress, event, troubles, onStarted: (container) => volumes?.containerStarted(assignment.uid, container), isPaused: () => volumes?.isPaused(assignment.uid) ?? false, over: over.signal })
  const detachVolumes = async (withinMs: number) => {
    const left = (await volumes?.detachAll(assignment.uid, withinMs)) ?? []
    if (left.length > 0) warn('VolumeNotUnmounted', `The pod's virtual machine did not write out and unmount in time: ${left.map((name) => `"${name}"`).join(', ')}. What a program had synced is there; the file system is checked when it is attached next.`)
  }
  if (hasDiskLimits(assignment.spec)) void watchUsage(assignment.spec, guest, clock, over.signal, input.evict)
  return new PodRun({ machine, guest, containers, files, attachments, clock, over, recorder, detachVolumes })
}
