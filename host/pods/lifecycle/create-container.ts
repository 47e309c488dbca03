import type { ContainerSpec } from '@/domain/pod/spec'
import { containerProcess } from '../container-process'
import { StepError, type OutputSink, type ReadyImage } from '../ports'
import type { PodContext } from './context'

/** Why a container cannot be made yet; it is tried again when its configuration changes. */
export type NotYet = { reason: string; message: string }

/**
 * Whether what a container needs of ConfigMaps, Secrets and volumes is there: its environment, or why it must wait.
 * Costs nothing for a container that needs none.
 */
export function prepareEnvironment({ assignment, configuration, files, event }: PodContext, container: ContainerSpec): { env: { name: string; value: string }[] } | NotYet {
  if (!configuration.isAny) return { reason: 'CreateContainerConfigError', message: 'The host waits for the pod\'s ConfigMaps and Secrets, which the server sends again after a start of the host agent.' }
  if (files.problem !== null) return { reason: 'FailedMount', message: files.problem }
  const { env, problems, warnings } = configuration.environment(container, assignment.spec)
  if (problems.length > 0) return { reason: 'CreateContainerConfigError', message: problems.join(' ') }
  for (const warning of warnings) event('Warning', 'InvalidEnvironmentVariableNames', warning)
  return { env }
}

/** The process of a container, or why it must wait; throws a StepError where the pod itself must be mended. */
export function prepareProcess(context: PodContext, container: ContainerSpec, image: ReadyImage, imageKey: string): ReturnType<typeof containerProcess> | NotYet {
  const prepared = prepareEnvironment(context, container)
  if ('reason' in prepared) return prepared
  const { assignment } = context
  try {
    return containerProcess({ pod: assignment.spec, container, image: image.config, imageKey, hostname: assignment.hostname, env: prepared.env })
  } catch (error) {
    if (error instanceof StepError && error.reason === 'CreateContainerConfigError') return { reason: error.reason, message: error.message }
    throw error
  }
}

/** The log of a new instance, with all who are attached to it. */
export const newSink = async ({ logs, attachments }: PodContext, name: string): Promise<OutputSink> => attachments.tee(name, await logs.begin(name))

/** The log of an instance that runs since before this host agent. */
export function resumedSink({ logs, attachments }: PodContext, name: string): OutputSink {
  const sink = logs.resume(name).then((log) => attachments.tee(name, log))
  // A log that cannot be had fails with the first output.
  sink.catch(() => {})
  return { write: async (stream, bytes) => (await sink).write(stream, bytes), lost: (stream, bytes) => void sink.then((s) => s.lost(stream, bytes), () => {}) }
}
