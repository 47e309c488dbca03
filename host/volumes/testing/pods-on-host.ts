import type { Assignment } from '@/contracts/host/v1'
import type { RealHost } from '@/host/pods/testing/real-host'

/** What a shell in a pod says to a script; throws where that fails. */
export async function shell(host: RealHost, pod: Assignment, script: string): Promise<string> {
  const { exitCode, output } = await host.run(pod, ['sh', '-c', script])
  if (exitCode !== 0) throw new Error(`"${script}" ended with ${exitCode}: ${output}`)
  return output.trim()
}

/** As the host's own, within so many milliseconds; a failure shows what it says of volumes, too. */
export async function untilVolumes(host: RealHost, condition: () => boolean | Promise<boolean>, withinMs?: number): Promise<void> {
  await host.until(condition, withinMs).catch((error: unknown) => {
    throw new Error(JSON.stringify([...host.volumes.reports().values()], null, 1), { cause: error })
  })
}
