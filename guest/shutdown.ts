import * as os from 'qjs:os'
import type { Containers } from '@/guest/containers'
import { pause } from '@/guest/pause'
import { runScript } from '@/guest/processes'
import type { Volumes } from '@/guest/volumes/volumes'

/** After the answer had its chance to leave. */
const powerOffMilliseconds = 50

/** Asks all containers to end, ends them after the grace, writes the disks and switches the VM off. */
export async function shutDown(containers: Containers, volumes: Volumes, graceMilliseconds: number): Promise<void> {
  const running = containers.list().filter((container) => !container.exited)
  for (const { params } of running) containers.signal(params.container, 'TERM')
  const ended = Promise.all(running.map((container) => container.process.exit))
  await Promise.race([ended, pause(graceMilliseconds)])
  for (const { params } of running) containers.signal(params.container, 'KILL')
  await ended
  await volumes.close()
  await runScript('sync', [])
  os.setTimeout(() => void runScript('poweroff -f', []), powerOffMilliseconds)
}
