import { z } from 'zod'
import { condition } from '../shared/condition'
import { reportText, reportTime } from '../shared/report-text'

/** How an instance of a container ended, for its successor to show. */
export const containerEnd = z.object({
  exitCode: z.number().int(),
  signal: z.number().int().nullable(),
  reason: reportText(128),
  message: reportText(4096),
  startedAt: reportTime.nullable(),
  finishedAt: reportTime,
  /** The last lines that it printed, at most 20. */
  lastLines: z.array(reportText(1024)).max(20),
  /** What it wrote to its termination log. */
  terminationMessage: reportText(4096),
})
export type ContainerEnd = z.infer<typeof containerEnd>

/** What the host says of a container. Times are RFC 3339. */
export const containerStatus = z.object({
  name: reportText(63),
  role: z.enum(['init', 'sidecar', 'container']).default('container'),
  image: reportText(600),
  imageDigest: reportText(128).nullable(),
  state: z.enum(['Waiting', 'Running', 'Terminated']),
  ready: z.boolean(),
  /** Its startup probe, where it has one, has succeeded. */
  started: z.boolean().default(true),
  restartCount: z.number().int().min(0).max(1_000_000),
  exitCode: z.number().int().nullable(),
  signal: z.number().int().nullable(),
  /** Such as ContainerCreating, CrashLoopBackOff, Completed, Error, OOMKilled, ImagePullFailed. */
  reason: reportText(128),
  message: reportText(4096),
  startedAt: reportTime.nullable(),
  finishedAt: reportTime.nullable(),
  /** The end of this instance, once it has ended. */
  lastLines: z.array(reportText(1024)).max(20).default([]),
  terminationMessage: reportText(4096).default(''),
  /** The end of the instance before this one. */
  lastEnd: containerEnd.nullable().default(null),
})
export type ContainerStatus = z.infer<typeof containerStatus>

/** A container that has not been tried. */
export const waitingStatus = (name: string, image: string, role: ContainerStatus['role'], reason: string): ContainerStatus => ({
  ...{ name, image, role, reason, imageDigest: null, state: 'Waiting', ready: false, started: false, restartCount: 0, exitCode: null, signal: null },
  ...{ message: '', startedAt: null, finishedAt: null, lastLines: [], terminationMessage: '', lastEnd: null },
})

/** One step of a pod's start, in the order in which they began; `ms` is null while it runs. */
export const startStep = z.object({ name: reportText(64), startedAt: reportTime, ms: z.number().nullable() })
export type StartStep = z.infer<typeof startStep>

export const hostPhases = ['Starting', 'Running', 'Succeeded', 'Failed', 'Stopping', 'Gone'] as const

/** What a pod's page shows as its state: the host's phase, or why there is none. */
export const podStates = ['Pending', 'Unschedulable', 'Scheduled', 'Starting', 'Running', 'Stopping', 'Succeeded', 'Failed', 'Unknown'] as const
export type PodState = (typeof podStates)[number]

export const podStatus = z.object({
  phase: z.enum(podStates),
  reason: z.string(),
  message: z.string(),
  conditions: z.array(condition),
  containers: z.array(containerStatus),
  podIP: z.string().nullable(),
  /** At most one a family, IPv4 first; `podIP` is the first. */
  podIPs: z.array(z.string()).default([]),
  hostName: z.string().nullable(),
  observedGeneration: z.number().int(),
  accelerator: z.string().nullable(),
  startMode: z.enum(['template', 'cold']).nullable(),
  startSteps: z.array(startStep),
  startedAt: z.string().nullable(),
})
export type PodStatus = z.infer<typeof podStatus>

/** How long a state has lasted matters only while something happens. */
export const isTransient = (state: PodState): boolean => ['Pending', 'Scheduled', 'Starting', 'Stopping'].includes(state)
