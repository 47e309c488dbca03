import type { PodView } from '@/domain/pod/view'
import { processOf } from '../fixtures/processes'
import type { Stream } from './stream'

const sinceWhen = /^Host .+ has not been heard from since \d{4}-\d\d-\d\dT[\d:.]+Z\. The pod may still run there\.$/

/** Holds the host agent still until its pod is Unknown, which says since when, and lets it go on: the pod is what it was. `meanwhile` happens while it stands. */
export async function expectUnknownWhileHostStands(stream: Stream, pod: PodView, meanwhile: () => Promise<void> = async () => {}): Promise<void> {
  const pid = processOf('host')
  if (pid === undefined) throw new Error('no host agent runs')
  process.kill(pid, 'SIGSTOP')
  try {
    await meanwhile()
    const { status } = await stream.waitFor(pod.metadata.name, (now) => now.status.phase === 'Unknown')
    if (!sinceWhen.test(status.message)) throw new Error(`an Unknown pod does not say since when: ${status.message}`)
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  await stream.waitFor(pod.metadata.name, (now) => now.status.phase === 'Running')
  if (processOf('host') !== pid) throw new Error('the host agent that was stopped did not go on')
}
