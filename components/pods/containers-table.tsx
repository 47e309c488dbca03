'use client'
import type { ContainerStatus } from '@/domain/pod/status'
import type { PodView } from '@/domain/pod/view'
import { NOTHING } from '@/components/client/formats'
import { Ago } from '@/components/patterns/time'
import { CopyableId } from '@/components/ui/copyable'
import { StateBadge, type StateShape } from '@/components/ui/state-badge'

function shapeOf(container: ContainerStatus): StateShape {
  if (container.state === 'Running') return 'running'
  if (container.state === 'Terminated') return container.exitCode === 0 ? 'stopped' : 'failed'
  return container.restartCount > 0 || /fail|err|crash/i.test(container.reason) ? 'failed' : 'changing'
}

const heads = ['Container', 'State', 'Image', 'Restarts', 'Resources', 'Ports', 'Since']

/** A pod's containers with what each is doing, and why. */
export function ContainersTable({ pod }: { pod: PodView }) {
  return (
    <div role="group" aria-label="Containers" tabIndex={0} className="relative overflow-x-auto focus-visible:-outline-offset-2">
      <table className="w-full text-left text-sm">
        <thead className="border-b border-stroke bg-surface text-xs text-faint">
          <tr>{heads.map((head) => <th key={head} scope="col" className="h-8 whitespace-nowrap px-4 font-medium">{head}</th>)}</tr>
        </thead>
        <tbody>
          {pod.spec.containers.map((spec) => {
            const status = pod.status.containers.find((c) => c.name === spec.name)
            return (
              <tr key={spec.name} className="border-b border-stroke align-top last:border-0">
                <th scope="row" className="whitespace-nowrap px-4 py-2 font-medium">{spec.name}</th>
                <td className="px-4 py-2">{status ? <ContainerState status={status} /> : NOTHING}</td>
                <td className="px-4 py-2">
                  <code className="break-all font-mono text-xs">{spec.image}</code>
                  {status?.imageDigest && <div className="text-faint"><CopyableId id={status.imageDigest} keep={19} /></div>}
                </td>
                <td className="px-4 py-2 text-soft">{status?.restartCount ?? 0}</td>
                <td className="whitespace-nowrap px-4 py-2 text-soft">{[spec.resources.limits.cpu && `${spec.resources.limits.cpu} CPU`, spec.resources.limits.memory].filter(Boolean).join(', ') || NOTHING}</td>
                <td className="whitespace-nowrap px-4 py-2 font-mono text-xs leading-5 text-soft">{spec.ports.map((port) => `${port.containerPort}/${port.protocol}`).join(', ') || NOTHING}</td>
                <td className="px-4 py-2 text-soft"><Ago time={status?.finishedAt ?? status?.startedAt} /></td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

function ContainerState({ status }: { status: ContainerStatus }) {
  const why = [status.reason, status.exitCode !== null && status.state !== 'Running' && `exit code ${status.exitCode}`, status.signal !== null && `signal ${status.signal}`].filter(Boolean).join(', ')
  return (
    <div className="min-w-32">
      <StateBadge shape={shapeOf(status)}>{status.state}</StateBadge>
      {why && <p className="text-xs text-faint">{why}</p>}
      {status.message && <p className="max-w-90 whitespace-pre-line break-words text-xs text-faint">{status.message}</p>}
    </div>
  )
}
